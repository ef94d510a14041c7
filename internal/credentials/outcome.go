package credentials

import (
	"net/http"
)

// Outcome is how a request ended: issued, or which row of spec A.4 refused it.
type Outcome int

// The outcomes, in the order of the checks.
const (
	Issued           Outcome = iota
	UnknownPath              // 404: not the path of a role alias's credentials
	WrongMethod              // 405
	CertificateWrong         // 403, row 1: certificate and endpoint do not match, or the certificate is not in force
	ThingWrong               // 403, row 2: no such thing, or not attached to it
	PolicyDenied             // 403, row 3
	NoRoleAlias              // 404, row 4
	RoleRefused              // 400, row 5: no such role, or its trust policy refuses
	DurationTooLong          // 400, row 6
	RateExceeded             // 429
	InternalFailure          // 500
)

// Outcomes returns all outcomes, for metrics that want to begin at zero.
func Outcomes() []Outcome {
	return []Outcome{Issued, UnknownPath, WrongMethod, CertificateWrong, ThingWrong, PolicyDenied, NoRoleAlias, RoleRefused, DurationTooLong, RateExceeded, InternalFailure}
}

// ofStranger reports whether anybody who reaches the port can cause o: it comes
// before a certificate was found to be registered and in force.
func (o Outcome) ofStranger() bool {
	return o == UnknownPath || o == WrongMethod || o == CertificateWrong
}

// String returns the outcome as metrics and logs name it.
func (o Outcome) String() string {
	switch o {
	case Issued:
		return "issued"
	case UnknownPath:
		return "unknown_path"
	case WrongMethod:
		return "wrong_method"
	case CertificateWrong:
		return "certificate"
	case ThingWrong:
		return "thing"
	case PolicyDenied:
		return "policy"
	case NoRoleAlias:
		return "role_alias"
	case RoleRefused:
		return "role"
	case DurationTooLong:
		return "duration"
	case RateExceeded:
		return "rate"
	case InternalFailure:
		return "internal"
	}
	return "unknown"
}

// answer is what a client gets for a refusal. The messages are those of spec
// A.4; "Not Found" also carries a trace id.
type answer struct {
	status          int
	errorType, text string
}

func (o Outcome) answer() answer {
	switch o {
	case UnknownPath:
		return answer{http.StatusNotFound, "ResourceNotFoundException", "Not Found"}
	case WrongMethod:
		return answer{http.StatusMethodNotAllowed, "MethodNotAllowedException", "Method Not Allowed"}
	case CertificateWrong:
		return answer{http.StatusForbidden, "AccessDeniedException", "Certificate is invalid on this endpoint"}
	case ThingWrong:
		return answer{http.StatusForbidden, "AccessDeniedException", "Invalid thing name passed"}
	case PolicyDenied:
		return answer{http.StatusForbidden, "AccessDeniedException", "Access Denied"}
	case NoRoleAlias:
		return answer{http.StatusNotFound, "ResourceNotFoundException", "Role alias does not exist"}
	case RoleRefused:
		return answer{http.StatusBadRequest, "InvalidRequestException", "Unable to assume the role, or the role to assume does not exist"}
	case DurationTooLong:
		return answer{http.StatusBadRequest, "InvalidRequestException", "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role"}
	case RateExceeded:
		return answer{http.StatusTooManyRequests, "ThrottlingException", "Rate exceeded"}
	}
	return answer{http.StatusInternalServerError, "InternalFailureException", "Internal Failure"}
}

// refusal is why a request gets no credentials.
type refusal struct {
	outcome Outcome
	// why is for the log: the step in words, or the decision of a policy.
	why string
	// err is the cause of an InternalFailure.
	err error
}

func refuse(outcome Outcome, why string) *refusal { return &refusal{outcome: outcome, why: why} }

func internal(doing string, err error) *refusal {
	return &refusal{outcome: InternalFailure, why: doing, err: err}
}
