package credentials

import (
	"crypto/x509"

	lru "github.com/hashicorp/golang-lru/v2"

	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/policy"
)

// maxCertificateKeys bounds the certificates whose condition keys are kept,
// about two kilobytes each.
const maxCertificateKeys = 8192

// availableKeys is the one list among the keys of a certificate.
const availableKeys = "iot:Certificate.AvailableKeys"

// certificateKeys keeps the condition keys of certificates by certificate id.
// They are a function of the DER form, whose digest the id is, so that an entry
// can never be out of date.
type certificateKeys struct {
	kept *lru.Cache[string, *policy.Context]
}

func newCertificateKeys() *certificateKeys {
	kept, _ := lru.New[string, *policy.Context](maxCertificateKeys) // it fails for sizes below 1 only
	return &certificateKeys{kept}
}

// of returns the keys iot:Certificate.* of cert (spec A.7). The context must
// not be changed.
func (k *certificateKeys) of(id string, cert *x509.Certificate) *policy.Context {
	if keys, ok := k.kept.Get(id); ok {
		return keys
	}
	keys := new(policy.Context)
	for name, values := range pki.Attributes(cert) {
		if name == availableKeys {
			keys.SetList(name, values...)
		} else {
			keys.SetCertificate(name, values...)
		}
	}
	k.kept.Add(id, keys)
	return keys
}
