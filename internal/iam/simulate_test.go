package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"inro.dev/inro/internal/iam/iamtest"
)

// folderPolicy is the policy of the walkthrough: each device has its folder.
const folderPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:DeleteObjectVersion"],
      "Resource": "arn:aws:s3:::B/${credentials-iot:ThingName}/*"
    },
    {
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::B",
      "Condition": {"StringLike": {"s3:prefix": "${credentials-iot:ThingName}/*"}}
    }
  ]
}`

// entries writes context entries: "string s3:prefix=a" or "stringList k=a,b".
func entries(specs ...string) []string {
	var params []string
	for i, spec := range specs {
		kind, rest, _ := strings.Cut(spec, " ")
		name, value, _ := strings.Cut(rest, "=")
		prefix := fmt.Sprintf("ContextEntries.member.%d.", i+1)
		params = append(params, prefix+"ContextKeyName", name, prefix+"ContextKeyType", kind)
		values := []string{value}
		if strings.HasSuffix(kind, "List") {
			values = strings.Split(value, ",")
		}
		for j, v := range values {
			params = append(params, fmt.Sprintf("%sContextKeyValues.member.%d", prefix, j+1), v)
		}
	}
	return params
}

const thing = "string credentials-iot:ThingName=thing-3f21f372"

func TestSimulationShowsWhatTheFolderPolicyAllows(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateRole", "RoleName", "device", "AssumeRolePolicyDocument", trustIoT).OK()
	root.IAM("CreatePolicy", "PolicyName", "folder", "PolicyDocument", folderPolicy).OK()
	root.IAM("AttachRolePolicy", "RoleName", "device", "PolicyArn", policyARN+"folder").OK()
	object := func(key string) string { return "arn:aws:s3:::B/" + key }
	// The rows of spec E.8 that one request of one action decides.
	for _, c := range []struct {
		action, resource string
		context          []string
		want             string
	}{
		{"s3:PutObject", object("thing-3f21f372/x"), []string{thing}, "allowed"},
		{"s3:GetObject", object("thing-3f21f372/x"), []string{thing}, "allowed"},
		{"s3:DeleteObject", object("thing-3f21f372/x"), []string{thing}, "allowed"},
		{"s3:GetObjectVersion", object("thing-3f21f372/x"), []string{thing}, "allowed"},
		{"s3:DeleteObjectVersion", object("thing-3f21f372/x"), []string{thing}, "allowed"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing, "string s3:prefix=thing-3f21f372/"}, "allowed"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing, "string s3:prefix=thing-3f21f372/sub/"}, "allowed"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing, "string s3:prefix=thing-3f21f372"}, "implicitDeny"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing, "string s3:prefix=thing-3f21f3720/"}, "implicitDeny"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing, "string s3:prefix="}, "implicitDeny"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing}, "implicitDeny"},
		{"s3:ListBucket", "arn:aws:s3:::B", []string{thing, "string s3:prefix=thing-xxxxxxxx/"}, "implicitDeny"},
		{"s3:PutObject", object("test.txt"), []string{thing}, "implicitDeny"},
		{"s3:PutObject", object("thing-3f21f372-other/x"), []string{thing}, "implicitDeny"},
		{"s3:PutObject", object("thing-3f21f372/../y"), []string{thing}, "allowed"},
		{"s3:PutObjectAcl", object("thing-3f21f372/x"), []string{thing}, "implicitDeny"},
		{"s3:PutObjectTagging", object("thing-3f21f372/x"), []string{thing}, "implicitDeny"},
		{"s3:AbortMultipartUpload", object("thing-3f21f372/x"), []string{thing}, "implicitDeny"},
		{"s3:ListMultipartUploadParts", object("thing-3f21f372/x"), []string{thing}, "implicitDeny"},
		{"s3:ListBucketVersions", "arn:aws:s3:::B", []string{thing}, "implicitDeny"},
		{"s3:GetObject", object("thing-xxxxxxxx/x"), []string{thing}, "implicitDeny"},
		{"s3:GetObject", object("thing-3f21f372/x"), nil, "implicitDeny"},
		{"s3:GetObject", object("*/x"), []string{"string credentials-iot:ThingName=*"}, "allowed"},
		{"s3:GetObject", object("other/x"), []string{"string credentials-iot:ThingName=*"}, "implicitDeny"},
	} {
		params := append(entries(c.context...), "ActionNames.member.1", c.action, "ResourceArns.member.1", c.resource)
		principal := root.IAM("SimulatePrincipalPolicy", append(params, "PolicySourceArn", localARN+"role/device")...).OK()
		custom := root.IAM("SimulateCustomPolicy", append(params, "PolicyInputList.member.1", folderPolicy)...).OK()
		for _, a := range []*iamtest.Answer{principal, custom} {
			if got := a.Get("EvaluationResults/member/EvalDecision"); got != c.want {
				t.Errorf("%s on %s with %q: got %s, want %s", c.action, c.resource, c.context, got, c.want)
			}
			if got := a.Get("EvaluationResults/member/ResourceSpecificResults/member/EvalResourceDecision"); got != c.want {
				t.Errorf("%s on %s with %q, by resource: got %s, want %s", c.action, c.resource, c.context, got, c.want)
			}
		}
	}
	old := strings.Replace(folderPolicy, "2012-10-17", "2008-10-17", 1)
	a := root.IAM("SimulateCustomPolicy", append(entries(thing), "PolicyInputList.member.1", old,
		"ActionNames.member.1", "s3:GetObject", "ResourceArns.member.1", object("thing-3f21f372/x"))...).OK()
	if got := a.Get("EvaluationResults/member/EvalDecision"); got != "implicitDeny" {
		t.Errorf("with Version 2008-10-17: got %s, want implicitDeny", got)
	}
}

func TestSimulationNamesStatementsAndMissingKeys(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateRole", "RoleName", "device", "AssumeRolePolicyDocument", trustIoT).OK()
	root.IAM("CreatePolicy", "PolicyName", "folder", "PolicyDocument", folderPolicy).OK()
	root.IAM("AttachRolePolicy", "RoleName", "device", "PolicyArn", policyARN+"folder").OK()
	params := p("PolicySourceArn="+localARN+"role/device", "ActionNames.member.1=s3:GetObject", "ActionNames.member.2=s3:ListBucket", "ResourceArns.member.1=arn:aws:s3:::B/a/x")
	a := root.IAM("SimulatePrincipalPolicy", append(params, entries("string credentials-iot:ThingName=a")...)...).OK()
	for path, want := range map[string]string{
		"EvaluationResults/member.1/EvalActionName":                                             "s3:GetObject",
		"EvaluationResults/member.1/EvalResourceName":                                           "arn:aws:s3:::B/a/x",
		"EvaluationResults/member.1/EvalDecision":                                               "allowed",
		"EvaluationResults/member.1/MatchedStatements/member/SourcePolicyId":                    "folder",
		"EvaluationResults/member.1/MatchedStatements/member/SourcePolicyType":                  "user-managed",
		"EvaluationResults/member.1/MatchedStatements/member/StartPosition/Line":                "4",
		"EvaluationResults/member.1/MatchedStatements/member/StartPosition/Column":              "5",
		"EvaluationResults/member.1/MatchedStatements/member/EndPosition/Line":                  "8",
		"EvaluationResults/member.1/MatchedStatements/member/EndPosition/Column":                "6",
		"EvaluationResults/member.1/MissingContextValues":                                       "",
		"EvaluationResults/member.1/PermissionsBoundaryDecisionDetail":                          "",
		"EvaluationResults/member.2/EvalDecision":                                               "implicitDeny",
		"EvaluationResults/member.2/MatchedStatements":                                          "",
		"EvaluationResults/member.2/MissingContextValues/member":                                "s3:prefix",
		"EvaluationResults/member.2/ResourceSpecificResults/member/MissingContextValues/member": "s3:prefix",
		"IsTruncated": "false",
	} {
		if got := a.Get(path); strings.TrimSpace(got) != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	a = root.IAM("SimulatePrincipalPolicy", params...).OK()
	if got := a.Get("EvaluationResults/member.1/MissingContextValues/member"); got != "credentials-iot:ThingName" {
		t.Errorf("without the thing: got %q missing, want credentials-iot:ThingName", got)
	}
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}]}`
	a = root.IAM("SimulatePrincipalPolicy", append(append(params, entries("string credentials-iot:ThingName=a")...), "PolicyInputList.member.1", deny)...).OK()
	if a.Get("EvaluationResults/member.1/EvalDecision") != "explicitDeny" || a.Count("EvaluationResults/member.1/MatchedStatements") != 1 ||
		a.Get("EvaluationResults/member.1/MatchedStatements/member/SourcePolicyId") != "PolicyInputList.1" ||
		a.Get("EvaluationResults/member.1/MatchedStatements/member/SourcePolicyType") != "none" {
		t.Errorf("a Deny in the input: got %s", a.Body)
	}
}

func TestSimulationGathersAllPoliciesOfAPrincipal(t *testing.T) {
	root := newWorld(t).Root()
	allow := func(action string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*","Condition":{"StringLikeIfExists":{"aws:username":"Ann"}}}}`
	}
	root.IAM("CreateUser", "UserName", "Ann", "Path", "/x/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "blue").OK()
	root.IAM("CreateGroup", "GroupName", "ops").OK()
	root.IAM("AddUserToGroup", "UserName", "ann", "GroupName", "ops").OK()
	root.IAM("CreatePolicy", "PolicyName", "managed", "PolicyDocument", allow("a:Managed")).OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "own", "PolicyDocument", allow("a:Own")).OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", policyARN+"managed").OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", s3Full).OK()
	root.IAM("PutGroupPolicy", "GroupName", "ops", "PolicyName", "group", "PolicyDocument", allow("a:Group")).OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "tag", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:Tag","Resource":"arn:aws:a:::t/${aws:PrincipalTag/team}"}}`).OK()
	for _, c := range []struct{ action, resource, decision, id, kind string }{
		{"a:Own", "*", "allowed", "own", "user"},
		{"a:Managed", "*", "allowed", "managed", "user-managed"},
		{"s3:GetObject", "*", "allowed", "AmazonS3FullAccess", "aws-managed"},
		{"a:Group", "*", "allowed", "group", "group"},
		{"a:Tag", "arn:aws:a:::t/blue", "allowed", "tag", "user"},
		{"a:Tag", "arn:aws:a:::t/red", "implicitDeny", "", ""},
		{"a:None", "*", "implicitDeny", "", ""},
	} {
		a := root.IAM("SimulatePrincipalPolicy", "PolicySourceArn", localARN+"user/x/Ann", "ActionNames.member.1", c.action, "ResourceArns.member.1", c.resource).OK()
		statement := "EvaluationResults/member/MatchedStatements/member/"
		got := []string{a.Get("EvaluationResults/member/EvalDecision"), a.Get(statement + "SourcePolicyId"), a.Get(statement + "SourcePolicyType")}
		if want := []string{c.decision, c.id, c.kind}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s on %s: got %q, want %q", c.action, c.resource, got, want)
		}
	}
	a := root.IAM("SimulatePrincipalPolicy", "PolicySourceArn", localARN+"group/ops", "ActionNames.member.1", "a:Group", "ActionNames.member.2", "a:Own").OK()
	if got := strings.Join(a.List("EvaluationResults", "EvalDecision"), " "); got != "allowed implicitDeny" {
		t.Errorf("as the group: got %s, want allowed implicitDeny", got)
	}
	if got := a.Get("EvaluationResults/member/EvalResourceName"); got != "*" {
		t.Errorf("without resources: got the resource %q, want *", got)
	}
}

func TestSimulationAppliesBoundaries(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "ann", "PermissionsBoundary", s3Full).OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "all", "PolicyDocument", strings.Replace(allowIAM, "iam:*", "*", 1)).OK()
	detail := "EvaluationResults/member/PermissionsBoundaryDecisionDetail/AllowedByPermissionsBoundary"
	source := p("PolicySourceArn=" + localARN + "user/ann")
	root.Run("iam",
		step{Action: "SimulatePrincipalPolicy", Params: append(p("ActionNames.member.1=s3:GetObject"), source...), Want: []string{"EvaluationResults/member/EvalDecision", "allowed", detail, "true"}},
		step{Action: "SimulatePrincipalPolicy", Params: append(p("ActionNames.member.1=iam:ListUsers"), source...), Want: []string{"EvaluationResults/member/EvalDecision", "implicitDeny", detail, "false"}},
		step{Action: "SimulatePrincipalPolicy", Params: append(p("ActionNames.member.1=iam:ListUsers", "PermissionsBoundaryPolicyInputList.member.1="+allowIAM), source...),
			Want: []string{"EvaluationResults/member/EvalDecision", "allowed", detail, "true"}},
		step{Action: "SimulateCustomPolicy", Params: p("PolicyInputList.member.1="+allowIAM, "PermissionsBoundaryPolicyInputList.member.1="+allowGet, "ActionNames.member.1=iam:ListUsers"),
			Want: []string{"EvaluationResults/member/EvalDecision", "implicitDeny", detail, "false"}},
	)
}

func TestSimulationOfSeveralResources(t *testing.T) {
	root := newWorld(t).Root()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}]}`
	a := root.IAM("SimulateCustomPolicy", p("PolicyInputList.member.1="+document, "ActionNames.member.1=s3:GetObject",
		"ResourceArns.member.1=arn:aws:s3:::a/x", "ResourceArns.member.2=arn:aws:s3:::b/x", "ResourceArns.member.3=arn:aws:s3:::c/x")...).OK()
	got := a.List("EvaluationResults/member/ResourceSpecificResults", "EvalResourceDecision")
	if fmt.Sprint(got) != "[allowed explicitDeny implicitDeny]" || a.Get("EvaluationResults/member/EvalDecision") != "explicitDeny" {
		t.Errorf("got %q and %s in all, want [allowed explicitDeny implicitDeny] and explicitDeny", got, a.Get("EvaluationResults/member/EvalDecision"))
	}
	if got := a.Count("EvaluationResults/member/MatchedStatements"); got != 1 {
		t.Errorf("got %d statements in all, want the one that denies", got)
	}
}

func TestSimulationWithAResourcePolicy(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	ann := localARN + "user/ann"
	bucket := func(effect, principal string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Principal":{"AWS":"` + principal + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}`
	}
	common := p("ActionNames.member.1=s3:GetObject", "ResourceArns.member.1=arn:aws:s3:::b/x")
	decision := "EvaluationResults/member/EvalDecision"
	with := func(pairs ...string) []string { return append(p(pairs...), common...) }
	a := root.IAM("SimulateCustomPolicy", with("PolicyInputList.member.1="+allowGet, "CallerArn="+ann, "ResourceOwner=111111111111",
		"ResourcePolicy="+bucket("Allow", "arn:aws:iam::999999999999:root"))...).OK()
	for _, entry := range []string{"<key>IAM Policy</key><value>allowed</value>", "<key>Resource Policy</key><value>allowed</value>"} {
		if !strings.Contains(a.Body, entry) {
			t.Errorf("across accounts: no %s in %s", entry, a.Body)
		}
	}
	root.Run("iam",
		step{Action: "SimulatePrincipalPolicy", Params: with("PolicySourceArn=" + ann), Want: []string{decision, "implicitDeny"}},
		step{Action: "SimulatePrincipalPolicy", Params: with("PolicySourceArn="+ann, "ResourcePolicy="+bucket("Allow", ann)),
			Want: []string{decision, "allowed", "EvaluationResults/member/MatchedStatements/member/SourcePolicyType", "resource", "EvaluationResults/member/EvalDecisionDetails", ""}},
		step{Action: "SimulatePrincipalPolicy", Params: with("PolicySourceArn="+ann, "PolicyInputList.member.1="+allowGet, "ResourcePolicy="+bucket("Deny", ann)),
			Want: []string{decision, "explicitDeny"}},
		step{Action: "SimulatePrincipalPolicy", Params: with("PolicySourceArn="+ann, "ResourcePolicy="+bucket("Allow", ann), "ResourceOwner=arn:aws:iam::111111111111:root"),
			Want: []string{decision, "implicitDeny"}},
		step{Action: "SimulatePrincipalPolicy", Params: with("PolicySourceArn="+ann, "PolicyInputList.member.1="+allowGet, "ResourcePolicy="+bucket("Allow", ann), "ResourceOwner=arn:aws:iam::111111111111:root"),
			Want: []string{decision, "allowed"}},
		step{Action: "SimulateCustomPolicy", Params: with("PolicyInputList.member.1="+allowGet, "ResourcePolicy="+bucket("Allow", ann)),
			Refused: "400 InvalidInput: CallerArn must be given together with ResourcePolicy."},
		step{Action: "SimulateCustomPolicy", Params: with("PolicyInputList.member.1="+allowGet, "CallerArn="+localARN+"role/x"),
			Refused: "400 InvalidInput: Invalid CallerArn: " + localARN + "role/x is not the ARN of a user."},
		step{Action: "SimulateCustomPolicy", Params: with("PolicyInputList.member.1="+allowGet, "ResourceOwner=me"),
			Refused: "400 InvalidInput: Invalid ResourceOwner: me is neither an account nor the ARN of one."},
		step{Action: "SimulateCustomPolicy", Params: with("PolicyInputList.member.1="+allowGet, "OrderedOrganizationPolicyInputList.member.1.ServiceControlPolicyInputList.member.1="+allowGet),
			Refused: "400 InvalidInput: OrderedOrganizationPolicyInputList is not offered: there are no organizations."},
		step{Action: "SimulatePrincipalPolicy", Params: with("PolicySourceArn="+localARN+"user/ann", "PolicyExclusionList.member.1.PolicyType=inline"),
			Refused: "400 InvalidInput: PolicyExclusionList is not offered: simulate what is left with SimulateCustomPolicy."},
	)
}

// passRole is how operators bind what a role may be passed to.
const passRole = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::999999999999:role/fleet/*",
	"Condition":{"StringEquals":{"iam:PassedToService":"credentials.iot.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:iot:*:999999999999:rolealias/*"},
	"NumericLessThan":{"aws:MultiFactorAuthAge":"60"},"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},
	"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}}}`

func TestSimulationTakesEveryTypeOfContextEntry(t *testing.T) {
	root := newWorld(t).Root()
	all := []string{"string iam:PassedToService=credentials.iot.amazonaws.com", "string iam:AssociatedResourceArn=arn:aws:iot:r:999999999999:rolealias/x",
		"numeric aws:MultiFactorAuthAge=10", "boolean aws:SecureTransport=TRUE", "ip aws:SourceIp=10.1.2.3", "date aws:CurrentTime=2026-03-01T00:00:00Z", "stringList aws:TagKeys=a,b"}
	simulate := func(context []string) *iamtest.Answer {
		return root.IAM("SimulateCustomPolicy", append(entries(context...), "PolicyInputList.member.1", passRole,
			"ActionNames.member.1", "iam:PassRole", "ResourceArns.member.1", localARN+"role/fleet/device")...)
	}
	if got := simulate(all).OK().Get("EvaluationResults/member/EvalDecision"); got != "allowed" {
		t.Errorf("got %s, want allowed", got)
	}
	for i, other := range []string{"string iam:PassedToService=ec2.amazonaws.com", "string iam:AssociatedResourceArn=arn:aws:s3:::b", "numeric aws:MultiFactorAuthAge=60",
		"boolean aws:SecureTransport=false", "ip aws:SourceIp=11.1.2.3", "date aws:CurrentTime=2025-12-31", "stringList aws:TagKeys=a,c"} {
		changed := append([]string{}, all...)
		changed[i] = other
		if got := simulate(changed).OK().Get("EvaluationResults/member/EvalDecision"); got != "implicitDeny" {
			t.Errorf("with %s: got %s, want implicitDeny", other, got)
		}
	}
	for _, bad := range []string{"numeric some:key=x", "boolean some:key=yes", "ip some:key=10.0.0", "binary some:key=%", "date some:key=yesterday", "numericList some:key=1,x"} {
		kind, _, _ := strings.Cut(bad, " ")
		simulate([]string{bad}).Refused(400, "InvalidInput", "Invalid value for context key some:key: it is not of type "+kind+".")
	}
	two := append(entries("string some:key=a"), "ContextEntries.member.1.ContextKeyValues.member.2", "b")
	root.IAM("SimulateCustomPolicy", append(two, "PolicyInputList.member.1", passRole, "ActionNames.member.1", "iam:PassRole")...).
		Refused(400, "InvalidInput", "Context key some:key of type string must have one value.")
}

func TestSimulationRefusesWhatItCannotDo(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "ann", "Path", "/x/").OK()
	custom := func(pairs ...string) []string {
		return append(p(pairs...), "PolicyInputList.member.1", allowGet)
	}
	action := "ActionNames.member.1=s3:GetObject"
	root.Run("iam",
		step{Action: "SimulateCustomPolicy", Params: custom(action, "PolicyInputList.member.2={"), Refused: "400 InvalidInput: Invalid policy: PolicyInputList.member.2: Syntax errors in policy."},
		step{Action: "SimulateCustomPolicy", Params: custom(action, "PermissionsBoundaryPolicyInputList.member.1={"),
			Refused: "400 InvalidInput: Invalid policy: PermissionsBoundaryPolicyInputList.member.1: Syntax errors in policy."},
		step{Action: "SimulateCustomPolicy", Params: custom(action, "ResourceArns.member.1=bucket"), Refused: "400 InvalidInput: Invalid resource ARN: bucket"},
		step{Action: "SimulateCustomPolicy", Params: custom(action, "ResourceHandlingOption=EC2-VPC-EBS"),
			Refused: "400 InvalidInput: ResourceHandlingOption is not offered: the scenarios it names are those of EC2."},
		step{Action: "SimulateCustomPolicy", Params: custom(action, "ResourcePolicy=x", "CallerArn="+localARN+"user/x"), Refused: "400 InvalidInput: Invalid policy: ResourcePolicy: Syntax errors in policy."},
		step{Action: "SimulateCustomPolicy", Params: custom("ActionNames.member.1=s3:*"), Refused: "400 ValidationError: 1 validation error detected: Value 's3:*' at " +
			"'actionNames.1.member' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*?]{1,126}:[^:*?]{1,126}"},
		step{Action: "SimulatePrincipalPolicy", Params: p(action, "PolicySourceArn="+localARN+"user/ann"), Refused: "404 NoSuchEntity: The user with name ann cannot be found."},
		step{Action: "SimulatePrincipalPolicy", Params: p(action, "PolicySourceArn="+localARN+"role/none"), Refused: "404 NoSuchEntity: The role with name none cannot be found."},
		step{Action: "SimulatePrincipalPolicy", Params: p(action, "PolicySourceArn=arn:aws:iam::111111111111:user/x/ann"), Refused: "404 NoSuchEntity: The user with name ann cannot be found."},
		step{Action: "SimulatePrincipalPolicy", Params: p(action, "PolicySourceArn="+policyARN+"abcdef"),
			Refused: "400 InvalidInput: ARN " + policyARN + "abcdef is not valid: it must be that of a user, group or role."},
	)
}

func TestSimulationIsBounded(t *testing.T) {
	root := newWorld(t).Root()
	params := p("PolicyInputList.member.1=" + allowGet)
	for i := range 101 {
		params = append(params, fmt.Sprintf("ActionNames.member.%d", i+1), fmt.Sprintf("a:Action%d", i), fmt.Sprintf("ResourceArns.member.%d", i+1), "*")
	}
	root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "1000")...).
		Refused(400, "InvalidInput", "The simulation has 10201 combinations of action and resource; the most is 10000.")
	a := root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "60")...).OK()
	b := root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "60", "Marker", a.Get("Marker"))...).OK()
	names := append(a.List("EvaluationResults", "EvalActionName"), b.List("EvaluationResults", "EvalActionName")...)
	if len(names) != 101 || names[60] != "a:Action60" || b.Get("IsTruncated") != "false" {
		t.Errorf("got %d results in two pages: %q", len(names), names)
	}
	long := strings.TrimSuffix(strings.Repeat(`"b:c*",`, 15000), ",")
	many := strings.Repeat(`{"Effect":"Allow","Action":"a:*","Resource":"*"},`, 10)
	params[1] = `{"Version":"2012-10-17","Statement":[` + strings.TrimSuffix(many, ",") + `]}`
	tooLong := "The answer is longer than 16777216 bytes: simulate fewer actions, resources or statements at a time."
	root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "99")...).Refused(400, "InvalidInput", tooLong)
	root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "20")...).OK()
	params[1] = fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/%s":"x"}}}}`,
		strings.Repeat("k", 2000))
	root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "99")...).Refused(400, "InvalidInput", tooLong)
	many = strings.Repeat(`{"Effect":"Allow","Action":"b:*","Resource":"*"},`, 200)
	params[1] = `{"Version":"2012-10-17","Statement":[` + strings.TrimSuffix(many, ",") + `]}`
	root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "99")...).
		Refused(400, "InvalidInput", "The simulation evaluates more than 1000000 statements.")
	params[1] = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[` + long + `],"Resource":"*"}}`
	root.IAM("SimulateCustomPolicy", append(params, "MaxItems", "99")...).
		Refused(400, "InvalidInput", "The policies and context entries are too long for 9999 combinations of action and resource.")
	like := strings.Repeat(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:UserAgent":"*a*b*c"}}},`, 300)
	root.IAM("SimulateCustomPolicy", p("PolicyInputList.member.1="+`{"Version":"2012-10-17","Statement":[`+strings.TrimSuffix(like, ",")+`]}`,
		"ActionNames.member.1=a:B", "ContextEntries.member.1.ContextKeyName=aws:UserAgent", "ContextEntries.member.1.ContextKeyType=string",
		"ContextEntries.member.1.ContextKeyValues.member.1="+strings.Repeat("ab", 400_000))...).
		Refused(400, "InvalidInput", "The policies and context entries are too long for 1 combinations of action and resource.")
}

func TestContextKeys(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	root.IAM("CreateGroup", "GroupName", "ops").OK()
	root.IAM("AddUserToGroup", "UserName", "ann", "GroupName", "ops").OK()
	root.IAM("PutGroupPolicy", "GroupName", "ops", "PolicyName", "p", "PolicyDocument", passRole).OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "p", "PolicyDocument", folderPolicy).OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", "arn:aws:iam::aws:policy/IAMUserChangePassword").OK()
	folderKeys := "credentials-iot:ThingName s3:prefix"
	passKeys := "aws:CurrentTime aws:MultiFactorAuthAge aws:SecureTransport aws:SourceIp aws:TagKeys iam:AssociatedResourceArn iam:PassedToService"
	for _, c := range []struct {
		action string
		params []string
		want   string
	}{
		{"GetContextKeysForCustomPolicy", p("PolicyInputList.member.1=" + folderPolicy), folderKeys},
		{"GetContextKeysForCustomPolicy", p("PolicyInputList.member.1="+folderPolicy, "PolicyInputList.member.2="+strings.ReplaceAll(folderPolicy, "credentials-iot", "CREDENTIALS-IOT")), folderKeys},
		{"GetContextKeysForCustomPolicy", p("PolicyInputList.member.1=" + allowGet), ""},
		{"GetContextKeysForPrincipalPolicy", p("PolicySourceArn=" + localARN + "group/ops"), passKeys},
		{"GetContextKeysForPrincipalPolicy", p("PolicySourceArn=" + localARN + "user/ann"),
			"aws:CurrentTime aws:MultiFactorAuthAge aws:SecureTransport aws:SourceIp aws:TagKeys aws:username credentials-iot:ThingName iam:AssociatedResourceArn iam:PassedToService s3:prefix"},
		{"GetContextKeysForPrincipalPolicy", p("PolicySourceArn="+localARN+"group/ops", "PolicyInputList.member.1="+folderPolicy),
			"aws:CurrentTime aws:MultiFactorAuthAge aws:SecureTransport aws:SourceIp aws:TagKeys credentials-iot:ThingName iam:AssociatedResourceArn iam:PassedToService s3:prefix"},
	} {
		if got := strings.Join(root.IAM(c.action, c.params...).OK().List("ContextKeyNames", ""), " "); got != c.want {
			t.Errorf("%s %.80q:\n got %s\nwant %s", c.action, c.params, got, c.want)
		}
	}
	root.IAM("GetContextKeysForCustomPolicy", "PolicyInputList.member.1", "x").Refused(400, "InvalidInput", "Invalid policy: PolicyInputList.member.1: Syntax errors in policy.")
}
