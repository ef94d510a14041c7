package credentials

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/session"
)

// thingHeader picks one of the certificate's things (spec A.1). Go's form of
// the name, as it stands in a http.Header.
const thingHeader = "X-Amzn-Iot-Thingname"

// exchange is one request on its way through the steps.
type exchange struct {
	requestID string
	remote    string // host and port
	now       time.Time
	account   string
	alias     string // decoded, as the client wrote it; it may be malformed

	certificateID string
	thingName     string           // as the client wrote it
	thing         *metastore.Thing // nil without the header
}

// ServeHTTP answers one request.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &exchange{requestID: uuid.NewString(), remote: r.RemoteAddr, now: e.cfg.Clock()}
	w.Header().Set("x-amzn-RequestId", x.requestID)
	issued, refused := e.guarded(x, r)
	outcome := Issued
	if refused != nil {
		outcome = refused.outcome
		e.log(r.Context(), x, refused)
		writeRefusal(w, outcome)
	} else {
		writeCredentials(w, issued)
	}
	if e.cfg.Observer != nil {
		e.cfg.Observer.Exchanged(outcome, time.Since(start))
	}
}

// guarded turns a panic into an internal error, so that it is answered, logged
// and counted like any other.
func (e *Endpoint) guarded(x *exchange, r *http.Request) (c session.Credentials, refused *refusal) {
	defer func() {
		if p := recover(); p != nil {
			refused = internal("panic", fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()
	return e.exchange(x, r)
}

// exchange takes the steps of spec A.5 in the only order there is.
func (e *Endpoint) exchange(x *exchange, r *http.Request) (session.Credentials, *refusal) {
	var none session.Credentials
	alias, ok := aliasOfPath(r.URL.EscapedPath())
	if !ok {
		return none, refuse(UnknownPath, "no such path")
	}
	x.alias = alias
	if r.Method != http.MethodGet {
		return none, refuse(WrongMethod, "method "+strconv.Quote(clip(r.Method)))
	}
	if refused := e.identify(r, x); refused != nil {
		return none, refused
	}
	if !e.rates.allowCertificate(x.certificateID, x.now) {
		return none, refuse(RateExceeded, "rate of the certificate")
	}
	if !e.rates.allowServer(x.now) {
		return none, refuse(RateExceeded, "rate of the server")
	}
	if refused := e.findThing(r, x); refused != nil {
		return none, refused
	}
	if refused := e.authorize(r, x); refused != nil {
		return none, refused
	}
	return e.assume(r.Context(), x)
}

// aliasOfPath returns the decoded alias of /role-aliases/{alias}/credentials.
// The escaped path is split, so that an encoded slash stays in its segment.
func aliasOfPath(escaped string) (string, bool) {
	rest, ok := strings.CutPrefix(escaped, "/role-aliases/")
	if !ok {
		return "", false
	}
	segment, ok := strings.CutSuffix(rest, "/credentials")
	if !ok || segment == "" || strings.Contains(segment, "/") {
		return "", false
	}
	alias, err := url.PathUnescape(segment)
	return alias, err == nil
}

// identify is steps 1 and 2: the server name gives the account, the client's
// certificate must be registered there and in force.
func (e *Endpoint) identify(r *http.Request, x *exchange) *refusal {
	if r.TLS == nil {
		return refuse(CertificateWrong, "no TLS")
	}
	account, err := e.accountOf(r.Context(), r.TLS.ServerName)
	if err != nil {
		return internal("account of the server name", err)
	}
	if account == "" {
		return refuse(CertificateWrong, "server name "+strconv.Quote(clip(r.TLS.ServerName))+" is not answered for")
	}
	x.account = account
	if len(r.TLS.PeerCertificates) == 0 {
		return refuse(CertificateWrong, "no client certificate")
	}
	x.certificateID = pki.CertificateID(r.TLS.PeerCertificates[0].Raw)
	cert, err := metastore.Certificates.Get(r.Context(), e.hot, account, x.certificateID)
	if isNotFound(err) {
		return refuse(CertificateWrong, "certificate is not registered")
	}
	if err != nil {
		return internal("certificate", err)
	}
	switch {
	case cert.Status != metastore.CertificateActive:
		return refuse(CertificateWrong, "certificate is "+cert.Status)
	case x.now.Before(cert.NotBefore):
		return refuse(CertificateWrong, "certificate is not valid yet")
	case x.now.After(cert.NotAfter):
		return refuse(CertificateWrong, "certificate has expired")
	}
	return nil
}

// findThing is step 3. A thing that does not exist and one that the certificate
// is not attached to are the same to the client.
func (e *Endpoint) findThing(r *http.Request, x *exchange) *refusal {
	values := r.Header[thingHeader]
	if len(values) > 1 {
		return refuse(ThingWrong, "more than one thing header")
	}
	if len(values) == 0 || values[0] == "" {
		return nil
	}
	x.thingName = values[0]
	if !isName(x.thingName, 128, ":_-") {
		return refuse(ThingWrong, "malformed thing name")
	}
	attached, err := metastore.ThingPrincipals.Has(r.Context(), e.hot, x.account, x.thingName, x.certificateID)
	if err != nil {
		return internal("attachment to the thing", err)
	}
	if !attached {
		return refuse(ThingWrong, "the thing does not exist, or the certificate is not attached to it")
	}
	x.thing, err = metastore.Things.Get(r.Context(), e.hot, x.account, x.thingName)
	if isNotFound(err) {
		return refuse(ThingWrong, "thing does not exist")
	}
	if err != nil {
		return internal("thing", err)
	}
	return nil
}

// aliasARN is the resource that IoT policies are evaluated on. A malformed
// alias is in it as the client wrote it (spec A.4: evaluate first, then 404).
func (e *Endpoint) aliasARN(x *exchange) string {
	return arn.IoT(e.cfg.Region, x.account, "rolealias", x.alias)
}

// isName reports whether s is 1 to most ASCII letters, digits and characters
// of others.
func isName(s string, most int, others string) bool {
	if s == "" || len(s) > most {
		return false
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// sourceIP returns the client's address without port and zone, "" if there is
// none.
func sourceIP(remote string) string {
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	return address.Addr().Unmap().WithZone("").String()
}

// body is the success of spec A.3: these members, in this order, no others.
type body struct {
	Credentials members `json:"credentials"`
}

type members struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
	Expiration      string `json:"expiration"`
}

func writeCredentials(w http.ResponseWriter, c session.Credentials) {
	text, _ := json.Marshal(body{members{ // strings always encode
		c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC().Format("2006-01-02T15:04:05Z"),
	}})
	write(w, http.StatusOK, text)
}

func writeRefusal(w http.ResponseWriter, outcome Outcome) {
	a := outcome.answer()
	w.Header().Set("x-amzn-ErrorType", a.errorType)
	if outcome == WrongMethod {
		w.Header().Set("Allow", http.MethodGet)
	}
	text := `{"message":"` + a.text + `"}`
	if outcome == UnknownPath {
		text = `{"message":"` + a.text + `","traceId":"` + uuid.NewString() + `"}`
	}
	write(w, a.status, []byte(text))
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text) // an error means that the client is gone
}
