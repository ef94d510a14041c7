package policy

import (
	"strconv"
	"strings"
)

// The texts of spec C.3 that more than one check uses.
const (
	trustActionText = "AssumeRole policy may only specify STS AssumeRole actions."
	noVendorText    = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
)

// action checks one value of Action or NotAction.
func (p *parser) action(n *node) error {
	if n.text == "*" && p.doc.Kind != Trust {
		return nil
	}
	if n.text == "*" {
		return refuse(n, ProblemAction, trustActionText)
	}
	vendor, name, found := strings.Cut(n.text, ":")
	switch {
	case !found:
		return refuse(n, ProblemAction, noVendorText)
	case strings.Contains(name, ":"):
		return refuse(n, ProblemAction, "Actions/Condition can contain only one colon.")
	case !madeOf(vendor, ".-*?"):
		return refuse(n, ProblemAction, "Vendor "+vendor+" is not valid")
	case !madeOf(name, "_.-*?"):
		return &Error{Problem: ProblemAction, Message: "Syntax errors in policy.", Line: n.start.Line, Column: n.start.Column,
			Detail: "The action " + strconv.Quote(n.text) + " holds forbidden characters."}
	case p.doc.Kind == Trust && !strings.EqualFold(vendor, "sts"):
		return refuse(n, ProblemAction, trustActionText)
	case p.doc.Kind == IoT && !strings.EqualFold(vendor, "iot"):
		return refuse(n, ProblemAction, "Vendor "+vendor+" is not valid")
	}
	return nil
}

// madeOf reports whether s is not empty and consists of ASCII letters, digits and the characters in others.
func madeOf(s, others string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune(others, r) })
}

// iamResourceTypes are what the last segment of an IAM ARN may begin with in a policy.
const iamResourceTypes = "user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, " +
	"sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/"

// resource checks one value of Resource or NotResource.
func (p *parser) resource(n *node) error {
	if n.text == "*" {
		return nil
	}
	parts, count := splitARN(n.text)
	if parts[0] != "arn" || count < 3 {
		return refuse(n, ProblemResource, "Resource "+n.text+` must be in ARN format or "*".`)
	}
	if !madeOf(parts[1], "-*?") {
		return refuse(n, ProblemResource, "Partition "+strconv.Quote(parts[1])+" is not valid for resource "+strconv.Quote(n.text)+".")
	}
	if !madeOf(parts[2], ".-_") {
		return refuse(n, ProblemResource, "Resource vendor must be fully qualified and cannot contain regexes.")
	}
	y := p.doc.syntax()
	for _, part := range parts[:min(count, arnSegments-1)] {
		if y.variables && strings.Contains(part, "${") {
			return &Error{Problem: ProblemResource, Message: "Syntax errors in policy.", Line: n.start.Line, Column: n.start.Column,
				Detail: "Variables may stand only after the fifth colon of a resource."}
		}
	}
	if _, err := parseTemplate(parts[arnSegments-1], y); err != nil {
		return badVariable(n)
	}
	return serviceResource(n, parts, count)
}

func badVariable(n *node) error {
	return syntaxError(n.start, "A variable in "+strconv.Quote(n.text)+" is malformed.")
}

// serviceResource checks what IAM knows about the ARNs of single services.
func serviceResource(n *node, parts [arnSegments]string, count int) error {
	region, account, rest := parts[3], parts[4], parts[5]
	switch parts[2] {
	case "s3":
		if !isEmptyOrWild(region) && !regionalS3(rest) {
			return refuse(n, ProblemResource, "Resource "+n.text+" can not contain region information.")
		}
		if !isEmptyOrWild(account) && !regionalS3(rest) {
			return refuse(n, ProblemResource, "Resource "+n.text+" can not contain account information.")
		}
	case "iam":
		if !isEmptyOrWild(region) {
			return refuse(n, ProblemResource, "IAM resource "+n.text+" cannot contain region information.")
		}
		if count == arnSegments && rest != "*" && rest != "root" && !hasIAMType(rest) {
			return refuse(n, ProblemResource, `IAM resource path must either be "*" or start with `+iamResourceTypes+".")
		}
	}
	return nil
}

func isEmptyOrWild(segment string) bool { return segment == "" || segment == "*" }

// regionalS3 reports whether an S3 resource is of a sort whose ARN has region and account.
func regionalS3(rest string) bool {
	for _, prefix := range [...]string{"accesspoint/", "job/", "storage-lens/", "access-grants/"} {
		if strings.HasPrefix(rest, prefix) {
			return true
		}
	}
	return false
}

func hasIAMType(rest string) bool {
	for _, prefix := range strings.Split(iamResourceTypes, ", ") {
		if strings.HasPrefix(rest, prefix) {
			return true
		}
	}
	return false
}

// conditionKey checks the name of a condition key. Keys of OpenID providers have a host name and path as vendor.
func conditionKey(n *node) error {
	vendor, name, found := strings.Cut(n.text, ":")
	switch {
	case !found:
		return refuse(n, ProblemCondition, noVendorText)
	case !madeOf(vendor, ".-/_"):
		return refuse(n, ProblemCondition, "Vendor "+vendor+" is not valid")
	case name == "" || strings.Contains(name, "${"):
		return &Error{Problem: ProblemCondition, Message: "Syntax errors in policy.", Line: n.start.Line, Column: n.start.Column,
			Detail: "The condition key " + strconv.Quote(n.text) + " is malformed."}
	}
	return nil
}

// conditionValue checks the variables of one value. Values that do not parse for their operator are accepted and match
// nothing (spec E.4).
func (p *parser) conditionValue(n *node, op operator) error {
	y := p.doc.syntax()
	if !op.family.takesVariables() {
		if y.variables && strings.Contains(n.text, "${") {
			return syntaxError(n.start, "Variables are allowed only with string, ARN and Bool operators.")
		}
		return nil
	}
	if _, err := parseTemplate(n.text, y); err != nil {
		return badVariable(n)
	}
	return nil
}
