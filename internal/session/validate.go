package session

import (
	"errors"
	"fmt"
	"time"
)

// complete fills what Mint fills and checks that s is a session of its kind.
// What it refuses is a mistake of the calling code, not of a client: a session
// that lacks the field by which it could be revoked must not come to be.
func (k *Keyring) complete(s *Session) error {
	if s.Issued.IsZero() {
		s.Issued = k.now()
	}
	s.Issued = s.Issued.UTC().Truncate(time.Second)
	s.Expires = s.Expires.UTC().Truncate(time.Second)
	if s.Kind == Device && s.SessionName == "" {
		s.SessionName = s.CertificateID
	}
	return errors.Join(s.checkTimes(), s.checkActor(), s.checkCertificate(), s.checkProvider())
}

func (s *Session) checkTimes() error {
	if s.Issued.Unix() < 0 || s.Expires.Unix() > maxUnix {
		return fmt.Errorf("session issued at %v, expires at %v: out of range", s.Issued, s.Expires)
	}
	if lifetime := s.Expires.Sub(s.Issued); lifetime < time.Second || lifetime > MaxLifetime {
		return fmt.Errorf("session lifetime %v is not between 1s and %v", lifetime, MaxLifetime)
	}
	return nil
}

// checkActor checks who the session acts as.
func (s *Session) checkActor() error {
	role := s.RoleName != "" && s.RoleID != ""
	noRole := s.RoleName == "" && s.RoleID == "" && s.RolePath == "" && !s.ChainedRole
	user := s.UserName != "" && s.UserID != ""
	noUser := s.UserName == "" && s.UserID == ""
	var ok bool
	switch s.Kind {
	case Role:
		ok = role && noUser && s.SessionName != ""
	case Device:
		ok = role && noUser && s.CertificateID != "" && s.SessionName == s.CertificateID && !s.ChainedRole
	case User:
		ok = user && noRole && s.SessionName == ""
	case Root:
		ok = noUser && noRole && s.SessionName == ""
	case Federated:
		ok = (user || noUser) && noRole && s.SessionName != ""
	default:
		return fmt.Errorf("session kind %d is unknown", s.Kind)
	}
	if !ok {
		return fmt.Errorf("session of kind %d lacks a name or id, or has one of another kind", s.Kind)
	}
	return nil
}

// checkCertificate checks the source certificate and thing.
func (s *Session) checkCertificate() error {
	if s.CertificateID == "" {
		if s.ThingName != "" || s.ThingTypeName != "" || s.ThingID != "" || s.CertificateAccount != "" {
			return errors.New("session has a thing and no certificate")
		}
		return nil
	}
	if !s.IsRole() {
		return fmt.Errorf("session of kind %d has a certificate", s.Kind)
	}
	if s.CertificateAccount != "" && s.Kind == Device {
		return errors.New("device's session of another account than its certificate's")
	}
	if !isCertificateID(s.CertificateID) {
		return fmt.Errorf("certificate id %q is not 64 lower-case hex digits", s.CertificateID)
	}
	if (s.ThingName == "") != (s.ThingID == "") || s.ThingName == "" && s.ThingTypeName != "" {
		return errors.New("session needs the name and the id of its thing, or neither")
	}
	return nil
}

func isCertificateID(id string) bool {
	if len(id) != 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// checkProvider checks the identity provider.
func (s *Session) checkProvider() error {
	given := s.Provider != ""
	if given != (s.Subject != "") || given != (s.Audience != "") || given && s.Kind != Role {
		return errors.New("session needs a provider, subject and audience, or none of them, and a role with them")
	}
	return nil
}
