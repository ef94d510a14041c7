package arn_test

import (
	"strings"
	"testing"

	"inro.dev/inro/internal/arn"
)

func TestParseRoundTripsAndSplitsTheType(t *testing.T) {
	for _, c := range []struct{ text, word, rest string }{
		{"arn:aws:iam::999999999999:role/path/name", "role", "path/name"},
		{"arn:aws:iot:ap-northeast-1:999999999999:cert/ab", "cert", "ab"},
		{"arn:aws:iam::999999999999:root", "", "root"},
		{"arn:aws:s3:::bucket/key:with:colons", "bucket", "key:with:colons"},
	} {
		a, err := arn.Parse(c.text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", c.text, err)
		}
		if got := a.String(); got != c.text {
			t.Errorf("String() = %q, want %q", got, c.text)
		}
		if word, rest := a.Type(); word != c.word || rest != c.rest {
			t.Errorf("Type(%q) = %q, %q; want %q, %q", c.text, word, rest, c.word, c.rest)
		}
	}
}

func TestParseRefusesWhatIsNotAnARN(t *testing.T) {
	for _, text := range []string{"", "arn", "arn:aws:iam::1", "urn:aws:iam::1:root", "arn::iam::1:root", "arn:aws:::1:", "arn:aws:s3:::", "arn:aws:s3:::" + strings.Repeat("a", 3000)} {
		if a, err := arn.Parse(text); err == nil {
			t.Errorf("Parse(%.40q) = %v, want an error", text, a)
		}
	}
}

func TestConstructorsWriteTheDocumentedShapes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{arn.IAM("1", "user", "/a/", "n"), "arn:aws:iam::1:user/a/n"},
		{arn.Root("1"), "arn:aws:iam::1:root"},
		{arn.AssumedRole("1", "r", "s"), "arn:aws:sts::1:assumed-role/r/s"},
		{arn.FederatedUser("1", "n"), "arn:aws:sts::1:federated-user/n"},
		{arn.IoT("eu-west-1", "1", "thing", "t"), "arn:aws:iot:eu-west-1:1:thing/t"},
		{arn.Bucket("b"), "arn:aws:s3:::b"},
		{arn.Object("b", "/k"), "arn:aws:s3:::b//k"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
