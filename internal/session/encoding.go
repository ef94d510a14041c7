package session

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Numbers of the fields of a payload; part of the sealed format.
const (
	fieldRoleName         = 1
	fieldRoleID           = 2
	fieldRolePath         = 3
	fieldSessionName      = 4
	fieldSourceIdentity   = 5
	fieldUserName         = 6
	fieldUserID           = 7
	fieldCertificateID    = 8
	fieldThingName        = 9
	fieldThingTypeName    = 10
	fieldThingID          = 11
	fieldPolicy           = 12
	fieldPolicyARN        = 13
	fieldTag              = 14
	fieldTransitiveTagKey = 15
	fieldChainedRole      = 16

	fieldCertificateAccount = 17
	fieldProvider           = 18
	fieldSubject            = 19
	fieldAudience           = 20
)

// errEncoding never leaves the package: Open says ErrInvalidToken.
var errEncoding = errors.New("malformed session payload")

// encode returns the payload of a session that validate accepted.
func encode(s *Session) ([]byte, error) {
	account, err := strconv.ParseUint(s.Account, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("account %q: %w", s.Account, err)
	}
	b := make([]byte, 0, 512)
	b = append(b, byte(s.Kind))
	b = binary.AppendUvarint(b, account)
	b = binary.AppendUvarint(b, uint64(s.Issued.Unix()))
	b = binary.AppendUvarint(b, uint64(s.Expires.Sub(s.Issued)/time.Second))

	b = appendField(b, fieldRoleName, s.RoleName)
	b = appendField(b, fieldRoleID, s.RoleID)
	b = appendField(b, fieldRolePath, s.RolePath)
	if s.Kind != Device {
		b = appendField(b, fieldSessionName, s.SessionName)
	}
	b = appendField(b, fieldSourceIdentity, s.SourceIdentity)
	b = appendField(b, fieldUserName, s.UserName)
	b = appendField(b, fieldUserID, s.UserID)
	certificate, err := hex.DecodeString(s.CertificateID)
	if err != nil {
		return nil, fmt.Errorf("certificate id %q: %w", s.CertificateID, err)
	}
	b = appendField(b, fieldCertificateID, string(certificate))
	b = appendField(b, fieldThingName, s.ThingName)
	b = appendField(b, fieldThingTypeName, s.ThingTypeName)
	b = appendField(b, fieldThingID, s.ThingID)
	b = appendField(b, fieldPolicy, s.Policy)
	return appendLists(b, s), nil
}

// appendLists appends what may occur more than once or has no plain value, and
// what comes after. List members are written even when empty.
func appendLists(b []byte, s *Session) []byte {
	for _, arn := range s.PolicyARNs {
		b = appendValue(b, fieldPolicyARN, arn)
	}
	for _, tag := range s.Tags {
		value := binary.AppendUvarint(nil, uint64(len(tag.Key)))
		value = append(value, tag.Key...)
		value = append(value, tag.Value...)
		b = appendValue(b, fieldTag, string(value))
	}
	for _, key := range s.TransitiveTagKeys {
		b = appendValue(b, fieldTransitiveTagKey, key)
	}
	if s.ChainedRole {
		b = appendValue(b, fieldChainedRole, "")
	}
	b = appendField(b, fieldCertificateAccount, s.CertificateAccount)
	b = appendField(b, fieldProvider, s.Provider)
	b = appendField(b, fieldSubject, s.Subject)
	return appendField(b, fieldAudience, s.Audience)
}

func appendField(b []byte, number byte, value string) []byte {
	if value == "" {
		return b
	}
	return appendValue(b, number, value)
}

func appendValue(b []byte, number byte, value string) []byte {
	b = append(b, number)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// decode is the inverse of encode. Its input is authentic, so its checks guard
// against versions of this package, not against attackers; still it neither
// panics nor allocates more than its input.
func decode(b []byte) (*Session, error) {
	r := reader{rest: b}
	s := &Session{Kind: Kind(r.byte())}
	account, issued, lifetime := r.uvarint(), r.uvarint(), r.uvarint()
	if r.failed || account > maxAccount || issued > maxUnix || lifetime > uint64(MaxLifetime/time.Second) {
		return nil, errEncoding
	}
	s.Account = fmt.Sprintf("%012d", account)
	s.Issued = time.Unix(int64(issued), 0).UTC()
	s.Expires = s.Issued.Add(time.Duration(lifetime) * time.Second)

	last := byte(0)
	for len(r.rest) > 0 {
		number := r.byte()
		value := r.value()
		if r.failed || number < last || number == last && !repeats(number) || !s.set(number, value) {
			return nil, errEncoding
		}
		last = number
	}
	if s.Kind == Device {
		s.SessionName = s.CertificateID
	}
	return s, nil
}

const (
	maxAccount = 999_999_999_999
	maxUnix    = 253402300799 // 9999-12-31T23:59:59Z
)

func repeats(number byte) bool {
	return number == fieldPolicyARN || number == fieldTag || number == fieldTransitiveTagKey
}

// set stores the value of one field; it is false when the field is not known.
func (s *Session) set(number byte, value string) bool {
	if field := s.text(number); field != nil {
		*field = value
		return value != ""
	}
	switch number {
	case fieldCertificateID:
		s.CertificateID = hex.EncodeToString([]byte(value))
		return len(value) == 32
	case fieldPolicyARN:
		s.PolicyARNs = append(s.PolicyARNs, value)
	case fieldTag:
		r := reader{rest: []byte(value)}
		key := r.value()
		if r.failed {
			return false
		}
		s.Tags = append(s.Tags, Tag{Key: key, Value: string(r.rest)})
	case fieldTransitiveTagKey:
		s.TransitiveTagKeys = append(s.TransitiveTagKeys, value)
	case fieldChainedRole:
		s.ChainedRole = true
		return value == ""
	default:
		return false
	}
	return true
}

// text returns the string that holds a field's value as it is, or nil.
func (s *Session) text(number byte) *string {
	switch number {
	case fieldRoleName:
		return &s.RoleName
	case fieldRoleID:
		return &s.RoleID
	case fieldRolePath:
		return &s.RolePath
	case fieldSessionName:
		return &s.SessionName
	case fieldSourceIdentity:
		return &s.SourceIdentity
	case fieldUserName:
		return &s.UserName
	case fieldUserID:
		return &s.UserID
	case fieldThingName:
		return &s.ThingName
	case fieldThingTypeName:
		return &s.ThingTypeName
	case fieldThingID:
		return &s.ThingID
	case fieldPolicy:
		return &s.Policy
	case fieldCertificateAccount:
		return &s.CertificateAccount
	case fieldProvider:
		return &s.Provider
	case fieldSubject:
		return &s.Subject
	case fieldAudience:
		return &s.Audience
	}
	return nil
}

// reader takes values off the front of rest. After a failure it returns zero
// values.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) byte() byte {
	if r.failed || len(r.rest) == 0 {
		r.failed = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if r.failed || size <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// value takes a length and as many bytes.
func (r *reader) value() string {
	length := r.uvarint()
	if r.failed || length > uint64(len(r.rest)) {
		r.failed = true
		return ""
	}
	v := string(r.rest[:length])
	r.rest = r.rest[length:]
	return v
}
