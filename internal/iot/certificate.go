package iot

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/pki"
)

func (s *Service) certificateOperations() []api.Operation {
	return []api.Operation{
		onAny("CreateKeysAndCertificate", "POST /keys-and-certificate", s.createKeysAndCertificate),
		onAny("CreateCertificateFromCsr", "POST /certificates", s.createCertificateFromCSR),
		onAny("RegisterCertificateWithoutCA", "POST /certificate/register-no-ca", s.registerCertificateWithoutCA),
		onNamed(s, "DescribeCertificate", "GET /certificates/{certificateId}", s.describeCertificate),
		onNamed(s, "UpdateCertificate", "PUT /certificates/{certificateId}", s.updateCertificate),
		onNamed(s, "DeleteCertificate", "DELETE /certificates/{certificateId}", s.deleteCertificate),
		onAny("ListCertificates", "GET /certificates", s.listCertificates),
	}
}

// The values of certificateMode. SNI_ONLY is a certificate registered without
// its CA.
const (
	modeDefault = "DEFAULT"
	modeSNIOnly = "SNI_ONLY"
)

// certificateLabel is the certificate that an operation's path names. IDs are
// in lower case; one in another spelling names no certificate.
type certificateLabel struct {
	CertificateID string `label:"certificateId" required:"" length:"64,64" pattern:"(0x)?[a-fA-F0-9]+"`
}

func (l *certificateLabel) resource() (word, name string) { return wordCert, l.CertificateID }

type createKeysInput struct {
	SetAsActive bool `query:"setAsActive"`
}

type createKeysOutput struct {
	CertificateArn string  `json:"certificateArn"`
	CertificateID  string  `json:"certificateId"`
	CertificatePem string  `json:"certificatePem"`
	KeyPair        keyPair `json:"keyPair"`
}

// keyPair is spelt with capitals on the wire.
type keyPair struct {
	PublicKey  string `json:"PublicKey"`
	PrivateKey string `json:"PrivateKey"`
}

// createKeysAndCertificate returns the private key once; it is kept nowhere.
func (s *Service) createKeysAndCertificate(ctx context.Context, in *createKeysInput) (*createKeysOutput, error) {
	certPEM, publicPEM, privatePEM, cert, err := s.cfg.Authority.IssueKeysAndCertificate()
	if err != nil {
		return nil, err
	}
	r, err := s.register(ctx, certPEM, cert, initialStatus(in.SetAsActive), modeDefault)
	if err != nil {
		return nil, err
	}
	return &createKeysOutput{s.arn(ctx, r), r.name, string(certPEM), keyPair{string(publicPEM), string(privatePEM)}}, nil
}

func initialStatus(active bool) string {
	if active {
		return metastore.CertificateActive
	}
	return metastore.CertificateInactive
}

type createFromCSRInput struct {
	CertificateSigningRequest string `json:"certificateSigningRequest" required:"" length:"1,4096"`
	SetAsActive               bool   `query:"setAsActive"`
}

type createFromCSROutput struct {
	CertificateArn string `json:"certificateArn"`
	CertificateID  string `json:"certificateId"`
	CertificatePem string `json:"certificatePem"`
}

func (s *Service) createCertificateFromCSR(ctx context.Context, in *createFromCSRInput) (*createFromCSROutput, error) {
	certPEM, cert, err := s.cfg.Authority.IssueFromCSR([]byte(in.CertificateSigningRequest))
	switch {
	case isPKIRefusal(err):
		return nil, invalidRequest("The certificate signing request cannot be used: %v", err)
	case err != nil:
		return nil, err
	}
	r, err := s.register(ctx, certPEM, cert, initialStatus(in.SetAsActive), modeDefault)
	if err != nil {
		return nil, err
	}
	return &createFromCSROutput{s.arn(ctx, r), r.name, string(certPEM)}, nil
}

// isPKIRefusal reports whether the input is at fault and not the server.
func isPKIRefusal(err error) bool {
	return errors.Is(err, pki.ErrMalformed) || errors.Is(err, pki.ErrUnsupportedKey) ||
		errors.Is(err, pki.ErrUnsupportedSignature) || errors.Is(err, pki.ErrBadSignature)
}

type registerWithoutCAInput struct {
	CertificatePem string `json:"certificatePem" required:"" length:"1,65536"`
	Status         string `json:"status" enum:"ACTIVE,INACTIVE,REVOKED,PENDING_TRANSFER,REGISTER_INACTIVE,PENDING_ACTIVATION"`
}

type registerOutput struct {
	CertificateArn string `json:"certificateArn"`
	CertificateID  string `json:"certificateId"`
}

func (s *Service) registerCertificateWithoutCA(ctx context.Context, in *registerWithoutCAInput) (*registerOutput, error) {
	status := metastore.CertificateInactive
	if in.Status != "" {
		var err error
		if status, err = targetStatus(in.Status); err != nil {
			return nil, err
		}
	}
	cert, err := pki.ParseCertificatePEM([]byte(in.CertificatePem))
	if err != nil {
		return nil, certificateValidation("The certificate cannot be used: %v", err)
	}
	r, err := s.register(ctx, pki.EncodeCertificate(cert.Raw), cert, status, modeSNIOnly)
	if err != nil {
		return nil, err
	}
	return &registerOutput{s.arn(ctx, r), r.name}, nil
}

// register writes the record of a new certificate.
func (s *Service) register(ctx context.Context, certPEM []byte, cert *x509.Certificate, status, mode string) (ref, error) {
	now := s.now()
	r := ref{wordCert, pki.CertificateID(cert.Raw)}
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return metastore.Certificates.Insert(ctx, w, account(ctx), r.name, &metastore.Certificate{
			PEM: string(certPEM), Status: status, Mode: mode, NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
			Created: now, Modified: now, CustomerVersion: 1, GenerationID: uuid.NewString(),
		})
	})
	if errors.Is(err, metastore.ErrExists) {
		err = alreadyExists(r.name, s.arn(ctx, r), "The certificate is already provisioned or registered")
	}
	return r, err
}

// targetStatus returns the status that a client may ask for. REGISTER_INACTIVE
// is the deprecated word for INACTIVE; the PENDING ones come about by themselves
// (spec B.6).
func targetStatus(asked string) (string, error) {
	switch asked {
	case metastore.CertificateActive, metastore.CertificateInactive, metastore.CertificateRevoked:
		return asked, nil
	case "REGISTER_INACTIVE":
		return metastore.CertificateInactive, nil
	}
	return "", invalidRequest("The status %s cannot be set", asked)
}

// getCertificate returns the certificate or ResourceNotFoundException.
func getCertificate(ctx context.Context, r metastore.Reader, id string) (*metastore.Certificate, error) {
	c, err := metastore.Certificates.Get(ctx, r, account(ctx), id)
	if err != nil {
		return nil, orNotFound(err, "The certificate given in the principal does not exist. Id: %s", id)
	}
	return c, nil
}

type describeCertificateInput struct{ certificateLabel }

type describeCertificateOutput struct {
	Description certificateDescription `json:"certificateDescription"`
}

type certificateDescription struct {
	CertificateArn   string        `json:"certificateArn"`
	CertificateID    string        `json:"certificateId"`
	CACertificateID  string        `json:"caCertificateId,omitempty"`
	Status           string        `json:"status"`
	CertificatePem   string        `json:"certificatePem"`
	OwnedBy          string        `json:"ownedBy"`
	CreationDate     api.Timestamp `json:"creationDate"`
	LastModifiedDate api.Timestamp `json:"lastModifiedDate"`
	CustomerVersion  int64         `json:"customerVersion"`
	TransferData     struct{}      `json:"transferData"`
	GenerationID     string        `json:"generationId"`
	Validity         validity      `json:"validity"`
	CertificateMode  string        `json:"certificateMode"`
}

type validity struct {
	NotBefore api.Timestamp `json:"notBefore"`
	NotAfter  api.Timestamp `json:"notAfter"`
}

func (s *Service) describeCertificate(ctx context.Context, in *describeCertificateInput) (*describeCertificateOutput, error) {
	c, err := getCertificate(ctx, s.cfg.Store.Hot(), in.CertificateID)
	if err != nil {
		return nil, err
	}
	return &describeCertificateOutput{certificateDescription{
		CertificateArn: s.arn(ctx, ref{wordCert, in.CertificateID}), CertificateID: in.CertificateID, CACertificateID: c.CACertificateID,
		Status: c.Status, CertificatePem: c.PEM, OwnedBy: account(ctx),
		CreationDate: api.Timestamp{Time: c.Created}, LastModifiedDate: api.Timestamp{Time: c.Modified},
		CustomerVersion: c.CustomerVersion, GenerationID: c.GenerationID,
		Validity:        validity{api.Timestamp{Time: c.NotBefore}, api.Timestamp{Time: c.NotAfter}},
		CertificateMode: c.Mode,
	}}, nil
}

type updateCertificateInput struct {
	certificateLabel
	NewStatus string `query:"newStatus" required:"" enum:"ACTIVE,INACTIVE,REVOKED,PENDING_TRANSFER,REGISTER_INACTIVE,PENDING_ACTIVATION"`
}

// updateCertificate follows the table of spec B.6. Setting the status that the
// certificate has changes nothing.
func (s *Service) updateCertificate(ctx context.Context, in *updateCertificateInput) (*api.Empty, error) {
	status, err := targetStatus(in.NewStatus)
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		c, err := getCertificate(ctx, w, in.CertificateID)
		if err != nil || c.Status == status {
			return err
		}
		switch {
		case c.Status == metastore.CertificatePendingTransfer:
			return certificateState("The certificate is being transferred. Id: %s", in.CertificateID)
		case c.Status == metastore.CertificateRevoked && s.cfg.RevocationIsFinal:
			return certificateState("The certificate has been revoked, which is final on this server. Id: %s", in.CertificateID)
		}
		c.Status = status
		c.Modified, c.CustomerVersion, c.GenerationID = s.now(), c.CustomerVersion+1, uuid.NewString()
		return metastore.Certificates.Put(ctx, w, account(ctx), in.CertificateID, c)
	})
}

type deleteCertificateInput struct {
	certificateLabel
	ForceDelete bool `query:"forceDelete"`
}

// deleteCertificate checks status, things and policies in this order (spec
// B.6). forceDelete detaches the policies.
func (s *Service) deleteCertificate(ctx context.Context, in *deleteCertificateInput) (*api.Empty, error) {
	id, arn := in.CertificateID, s.arn(ctx, ref{wordCert, in.CertificateID})
	return &api.Empty{}, s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		c, err := getCertificate(ctx, w, id)
		if err != nil {
			return err
		}
		if c.Status == metastore.CertificateActive {
			return certificateState("Certificate must be deactivated (not ACTIVE) before deletion. Id: %s", id)
		}
		things, err := metastore.ThingPrincipals.To(ctx, w, account(ctx), id, "", 1)
		if err != nil {
			return err
		}
		if len(things) > 0 {
			return deleteConflict("Things must be detached before deletion (arn: %s)", arn)
		}
		policies, err := metastore.IoTPolicyAttachments.To(ctx, w, account(ctx), metastore.CertificatePoint(id), "", 1)
		if err != nil {
			return err
		}
		if len(policies) > 0 && !in.ForceDelete {
			return deleteConflict("Certificate policies must be detached before deletion (arn: %s)", arn)
		}
		if err := detachAll(ctx, w, metastore.CertificatePoint(id)); err != nil {
			return err
		}
		return metastore.Certificates.Delete(ctx, w, account(ctx), id)
	})
}

type listCertificatesInput struct{ orderedPage }

type listCertificatesOutput struct {
	Certificates []certificateElement `json:"certificates"`
	NextMarker   string               `json:"nextMarker,omitempty"`
}

type certificateElement struct {
	CertificateArn  string        `json:"certificateArn"`
	CertificateID   string        `json:"certificateId"`
	Status          string        `json:"status"`
	CertificateMode string        `json:"certificateMode"`
	CreationDate    api.Timestamp `json:"creationDate"`
}

func (s *Service) listCertificates(ctx context.Context, in *listCertificatesInput) (*listCertificatesOutput, error) {
	c, err := in.cursor()
	if err != nil {
		return nil, err
	}
	out := &listCertificatesOutput{Certificates: []certificateElement{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		certificates, ids, marker, err := listRecords(ctx, r, metastore.Certificates, account(ctx), createdOrder(in.AscendingOrder), c, nil)
		for i, c := range certificates {
			out.Certificates = append(out.Certificates, certificateElement{
				s.arn(ctx, ref{wordCert, ids[i]}), ids[i], c.Status, c.Mode, api.Timestamp{Time: c.Created},
			})
		}
		out.NextMarker = marker
		return err
	})
}
