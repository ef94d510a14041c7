package policy

import (
	"errors"
	"strings"
	"testing"
)

const walkthroughDocument = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::bucket-4e8f4765",
            "Condition": {
                "StringLike": {
                    "s3:prefix": "${credentials-iot:ThingName}/*"
                }
            }
        },
        {
            "Effect": "Allow",
            "Action":[
                "s3:PutObject",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion"
            ],
            "Resource": "arn:aws:s3:::bucket-4e8f4765/${credentials-iot:ThingName}/*"
        }
    ]
}`

func mustParse(t testing.TB, text string, kind Kind) *Document {
	t.Helper()
	doc, err := Parse([]byte(text), kind)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return doc
}

func TestParseKeepsPositions(t *testing.T) {
	doc := mustParse(t, walkthroughDocument, Identity)
	want := []struct{ start, end Position }{{Position{4, 9}, Position{13, 10}}, {Position{14, 9}, Position{24, 10}}}
	for i, w := range want {
		s := doc.Statements[i]
		if s.Start != w.start || s.End != w.end {
			t.Errorf("statement %d: got %v to %v, want %v to %v", i, s.Start, s.End, w.start, w.end)
		}
	}
}

func TestParseCountsColumnsInCharacters(t *testing.T) {
	doc := mustParse(t, "{\"Id\":\"日本語\",\r\n\t\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}", Identity)
	if got, want := doc.Statements[0].Start, (Position{2, 14}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	_, err := Parse([]byte(`{"Id":"日本語","Bad":1}`), Identity)
	var e *Error
	if !errors.As(err, &e) || e.Line != 1 || e.Column != 13 {
		t.Errorf("got %v, want line 1 column 13", err)
	}
}

func TestParseKeepsStatementsAsWritten(t *testing.T) {
	doc := mustParse(t, `{"Id":"i","Statement":{"Sid":"s p","Effect":"Deny","NotPrincipal":{"AWS":["111111111111","*"],"Service":"a.b"},
		"NotAction":"s3:Get*","NotResource":["*"],"Condition":{"ForAnyValue:NumericLessThanIfExists":{"k:N":[1.50,"2",true]}}}}`, Resource)
	if doc.ID != "i" || doc.Version != Version2008 {
		t.Errorf("got id %q version %q, want i and %s", doc.ID, doc.Version, Version2008)
	}
	s := doc.Statements[0]
	if s.Sid != "s p" || s.Effect != ExplicitDeny || !s.NotPrincipal || !s.NotAction || !s.NotResource {
		t.Errorf("got %+v", s)
	}
	c := s.Conditions[0]
	if c.Operator != "ForAnyValue:NumericLessThanIfExists" || c.Key != "k:N" || strings.Join(c.Values, " ") != "1.50 2 true" {
		t.Errorf("got condition %+v", c)
	}
	if refs := doc.Principals(); len(refs) != 3 || refs[0].Value != "111111111111" || refs[2].Type != "Service" {
		t.Errorf("got principals %+v", refs)
	}
}

func TestParseBoundsDocuments(t *testing.T) {
	statement := `{"Effect":"Allow","Action":"*","Resource":"*"}`
	tests := []struct{ name, text, detail string }{
		{"size", `{"Id":"` + strings.Repeat("x", MaxDocumentChars) + `"}`, "longer than 131072 characters"},
		{"string", `{"Id":"` + strings.Repeat("x", maxValueBytes+1) + `"}`, "longer than 8192 bytes"},
		{"number", `{"Id":` + strings.Repeat("1", maxValueBytes+1) + `}`, "too long"},
		{"statements", `{"Statement":[` + strings.Repeat(statement+",", maxStatements) + statement + `]}`, "more than 2048 statements"},
		{"values", `{"Statement":[` + strings.Repeat("1,", maxValues) + `1]}`, "too many values"},
		{"depth", strings.Repeat("[", 100000), "nested too deeply"},
		{"UTF-8", "{\"Id\":\"\xff\"}", "not valid UTF-8"},
		{"control character", "{\"Id\":\"\n\"}", "Control characters"},
		{"byte order mark", "\ufeff{}", "A value is expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text), Identity)
			var e *Error
			if !errors.As(err, &e) || e.Problem != ProblemSyntax || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("got %v, want a syntax error with %q", err, tt.detail)
			}
		})
	}
}

func TestParseCountsNonSpaceCharacters(t *testing.T) {
	text := "{ \"Statement\" :\t{\"Effect\":\"Allow\",\r\n\"Action\":\"*\",\"Resource\":\"arn:aws:s3:::é x\"}}"
	want := len([]rune(strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(text)))
	if got := mustParse(t, text, Identity).SizeWithoutWhitespace(); got != want {
		t.Errorf("got %d, want %d for %q", got, want, text)
	}
}

func TestErrorsSortProblems(t *testing.T) {
	tests := []struct {
		text string
		kind Kind
		want Problem
	}{
		{`{`, Identity, ProblemSyntax},
		{`{"Version":"1"}`, Identity, ProblemVersion},
		{`{"Statement":{"Sid":"a b"}}`, Identity, ProblemSid},
		{`{"Statement":{"Effect":"Allow","Resource":"*"}}`, Identity, ProblemAction},
		{`{"Statement":{"Effect":"Allow","Action":"*"}}`, Identity, ProblemResource},
		{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, Resource, ProblemPrincipal},
		{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"x":{}}}}`, Identity, ProblemCondition},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.text), tt.kind)
		var e *Error
		if !errors.As(err, &e) || e.Problem != tt.want {
			t.Errorf("%s: got %v, want problem %d", tt.text, err, tt.want)
		}
	}
}

func TestReplacePrincipalsKeepsEveryOtherByte(t *testing.T) {
	const text = `{ "Version":"2012-10-17",
 "Statement" : [{"Effect":"Allow","Principal":{"AWS":[ "arn:aws:iam::111111111111:user/a" , "arn:aws:iam::111111111111:role\/b" ],"Service":"x.amazonaws.com"},"Action":"sts:AssumeRole"} ] }`
	got, err := ReplacePrincipals([]byte(text), Trust, func(r PrincipalRef) (string, bool) {
		switch r.Value {
		case "arn:aws:iam::111111111111:user/a":
			return "AIDAEXAMPLEEXAMPLE234", true
		case "arn:aws:iam::111111111111:role/b":
			return "AROAEXAMPLEEXAMPLE234", true
		}
		return "", false
	})
	want := strings.NewReplacer("arn:aws:iam::111111111111:user/a", "AIDAEXAMPLEEXAMPLE234",
		`arn:aws:iam::111111111111:role\/b`, "AROAEXAMPLEEXAMPLE234").Replace(text)
	if err != nil || string(got) != want {
		t.Errorf("got  %s %v\nwant %s", got, err, want)
	}
}

func TestReplacePrincipalsRefusesWhatDoesNotParse(t *testing.T) {
	const text = `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}}`
	got, err := ReplacePrincipals([]byte(text), Trust, func(PrincipalRef) (string, bool) { return `"}`, true })
	if err == nil {
		t.Errorf("got %s, want an error", got)
	}
}
