package policy

import (
	"slices"
	"strings"
)

// admission is how closely a Principal element names a caller (spec E.6).
type admission uint8

const (
	notNamed  admission = iota
	byAccount           // the account is named: it is left to the caller's own policies
	byRole              // the role is named, or everyone, and the caller is a role session: boundary and session policies still apply
	byName              // the caller is named
)

// principalSet is a compiled Principal or NotPrincipal.
type principalSet struct {
	everyone    bool // the bare "*"
	allAWS      bool // {"AWS": "*"}
	allServices bool // {"Service": "*"}

	accounts  []string
	arns      []string
	ids       []string
	services  []string
	canonical []string
	federated []string
}

func compilePrincipals(refs []PrincipalRef) principalSet {
	var set principalSet
	for _, r := range refs {
		set.add(r)
	}
	return set
}

func (set *principalSet) add(r PrincipalRef) {
	switch r.Type {
	case "":
		set.everyone = true
	case "Service":
		if r.Value == "*" {
			set.allServices = true
		} else {
			set.services = append(set.services, r.Value)
		}
	case "CanonicalUser":
		set.canonical = append(set.canonical, r.Value)
	case "Federated":
		set.federated = append(set.federated, r.Value)
	case "AWS":
		account, isAccount := principalAccount(r.Value)
		switch {
		case r.Value == "*":
			set.allAWS = true
		case isAccount:
			set.accounts = append(set.accounts, account)
		case isUniqueID(r.Value):
			set.ids = append(set.ids, r.Value)
		default:
			set.arns = append(set.arns, r.Value)
		}
	}
}

// admits returns how closely the set names p. A service is let in by its name or by the bare "*"; {"AWS": "*"} names
// it only to deny (decision). A web identity is let in by its provider alone; what names everybody names it only to
// deny.
func (set *principalSet) admits(p *Principal, deny bool) admission {
	everyone := set.everyone || set.allAWS
	switch p.Type {
	case Anonymous, Certificate:
		return when(everyone, byName)
	case Service:
		return when(set.everyone || set.allServices || deny && set.allAWS || contains(set.services, p.Service), byName)
	case WebIdentity:
		return when(contains(set.federated, p.Provider) || deny && everyone, byName)
	case Root:
		return max(when(everyone, byName), set.admitsAccount(p))
	case User:
		named := everyone || contains(set.arns, p.ARN) || contains(set.ids, uniqueID(p.UserID))
		return max(when(named, byName), set.admitsAccount(p))
	case AssumedRole:
		role := everyone || contains(set.arns, p.RoleARN) || contains(set.ids, uniqueID(p.UserID))
		return max(when(contains(set.arns, p.ARN), byName), when(role, byRole), set.admitsAccount(p))
	case FederatedUser:
		named := everyone || contains(set.arns, p.ARN)
		return max(when(named, byName), when(contains(set.arns, p.RoleARN), byRole), set.admitsAccount(p))
	}
	return notNamed
}

func when(named bool, how admission) admission {
	if named {
		return how
	}
	return notNamed
}

func (set *principalSet) admitsAccount(p *Principal) admission {
	return when(contains(set.accounts, p.Account) || contains(set.canonical, p.CanonicalUser), byAccount)
}

// excepts reports whether NotPrincipal spares p. With Deny every ARN the caller acts under must be listed (its own, its
// role's, its account's), as AWS documents; with Allow one listed ARN is enough to be left out.
func (set *principalSet) excepts(p *Principal, deny bool) bool {
	if !deny {
		return set.admits(p, true) != notNamed
	}
	if set.everyone || set.allAWS && p.Type != Service {
		return true
	}
	account := set.admitsAccount(p) != notNamed
	id := contains(set.ids, uniqueID(p.UserID))
	switch p.Type {
	case Service:
		return set.allServices || contains(set.services, p.Service)
	case WebIdentity:
		return contains(set.federated, p.Provider)
	case Root:
		return account
	case User:
		return account && (contains(set.arns, p.ARN) || id)
	case AssumedRole:
		return account && contains(set.arns, p.ARN) && (contains(set.arns, p.RoleARN) || id)
	case FederatedUser:
		return account && contains(set.arns, p.ARN)
	}
	return false
}

// Grant is whom an access control list lets in for an action. It can widen what a resource policy allows and counts like
// one that names the account, or everyone; a Deny anywhere wins over it.
type Grant uint8

const (
	// NoGrant lets nobody in.
	NoGrant Grant = iota
	// GrantAccount names the caller's account: it is left to the caller's own policies.
	GrantAccount
	// GrantEveryone names everyone, also anonymous callers.
	GrantEveryone
)

// admits returns how closely the grant names p. Services and devices are not let in: no list can name them.
func (g Grant) admits(p *Principal) admission {
	switch {
	case g == NoGrant || p.Type == Service || p.Type == Certificate:
		return notNamed
	case g == GrantEveryone && p.Type == AssumedRole:
		return byRole
	case g == GrantEveryone:
		return byName
	case g == GrantAccount && p.Type != Anonymous:
		return byAccount
	}
	return notNamed
}

// contains is slices.Contains that never finds the empty string.
func contains(list []string, s string) bool { return s != "" && slices.Contains(list, s) }

// uniqueID returns AROA… of AROA…:session.
func uniqueID(userID string) string {
	id, _, _ := strings.Cut(userID, ":")
	return id
}

// principalAccount returns the account that a value of AWS names as a whole: twelve digits or the ARN of root.
func principalAccount(value string) (account string, ok bool) {
	if rest, found := strings.CutPrefix(value, "arn:aws:iam::"); found {
		account, ok = strings.CutSuffix(rest, ":root")
		return account, ok && isAccountID(account)
	}
	return value, isAccountID(value)
}

func isAccountID(s string) bool {
	if len(s) != 12 {
		return false
	}
	digits, _ := cutDigits(s)
	return len(digits) == 12
}

// isUniqueID reports whether s looks like AIDA… or AROA…: an A and upper-case letters and digits, 16 to 128 in all.
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || s[0] != 'A' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// validPrincipal reports whether a principal's value has a form its type allows. Whether it exists is for the caller to find out.
func validPrincipal(r PrincipalRef, kind Kind) bool {
	switch r.Type {
	case "AWS":
		if r.Value == "*" || isUniqueID(r.Value) {
			return true
		}
		if _, ok := principalAccount(r.Value); ok {
			return true
		}
		return validPrincipalARN(r.Value)
	case "Service":
		return r.Value == "*" && kind == Resource || validServiceName(r.Value)
	case "Federated":
		return r.Value != "" && r.Value != "*"
	case "CanonicalUser":
		return kind == Resource && r.Value != "" && r.Value != "*"
	}
	return false
}

// validPrincipalARN accepts users, roles, role sessions and federated users, without wildcards.
func validPrincipalARN(value string) bool {
	parts, n := splitARN(value)
	if n != arnSegments || parts[0] != "arn" || parts[1] != "aws" || parts[3] != "" || !isAccountID(parts[4]) ||
		strings.ContainsAny(value, "*?${}") {
		return false
	}
	word, name, _ := strings.Cut(parts[5], "/")
	if name == "" || strings.HasSuffix(name, "/") {
		return false
	}
	switch parts[2] + ":" + word {
	case "iam:user", "iam:role", "sts:federated-user":
		return true
	case "sts:assumed-role":
		return strings.Count(name, "/") == 1 && name[0] != '/'
	}
	return false
}

func validServiceName(s string) bool {
	for i := range len(s) {
		if c := lower(s[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return strings.Contains(s, ".")
}
