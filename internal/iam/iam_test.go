package iam_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/iam/iamtest"
)

// The documents that tests use.
const (
	allowGet  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	allowIAM  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`
	trustIoT  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	localARN  = "arn:aws:iam::999999999999:"
	policyARN = localARN + "policy/"
	s3Full    = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
)

type step = iamtest.Step

// p writes the parameters of a step: "UserName=ann" "Path=/".
func p(pairs ...string) []string {
	var params []string
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		params = append(params, name, value)
	}
	return params
}

func newWorld(t *testing.T) *iamtest.World {
	t.Helper()
	return iamtest.New(t, func(w *iamtest.World) []api.Service {
		return []api.Service{iam.New(iam.Config{Store: w.Store, Policies: w.Policies, Clock: w.Clock}).API()}
	})
}

// model returns the input members of every operation of AWS's model, which
// testdata/operations.txt lists, one operation a line.
func model(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	operations := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		operations[words[0]] = words[1:]
	}
	return operations
}

func TestTableHasEveryOperationOfTheModel(t *testing.T) {
	want := slices.Sorted(maps.Keys(model(t)))
	var got []string
	offered := 0
	for _, op := range iam.New(iam.Config{}).Operations() {
		got = append(got, op.Name)
		if op.Offered() {
			offered++
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %d operations, want %d; first difference at %s", len(got), len(want), firstDifference(got, want))
	}
	if offered != 95 || len(want)-offered != 85 {
		t.Errorf("got %d operations offered and %d refused, want 95 and 85: those of spec H.1, four that are newer, and those of OpenID Connect providers", offered, len(want)-offered)
	}
}

func TestEveryInputMemberIsDeclared(t *testing.T) {
	operations := model(t)
	for _, op := range iam.New(iam.Config{}).Operations() {
		if !op.Offered() {
			continue
		}
		input := reflect.TypeOf(op.NewInput()).Elem()
		for _, member := range operations[op.Name] {
			if _, ok := input.FieldByName(member); !ok {
				t.Errorf("%s ignores the member %s without a word", op.Name, member)
			}
		}
	}
}

func firstDifference(got, want []string) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return want[i]
		}
	}
	return "the end"
}

func TestOperationsThatAreNotOfferedSayWhy(t *testing.T) {
	newWorld(t).Root().Run("iam",
		step{Action: "CreateInstanceProfile", Refused: "501 NotImplemented: CreateInstanceProfile is not offered: Instance profiles serve EC2, which is not here."},
		step{Action: "CreateVirtualMFADevice", Refused: "501 NotImplemented: CreateVirtualMFADevice is not offered: There are no MFA devices."},
		step{Action: "Nonsense", Refused: "400 InvalidAction: Could not find operation Nonsense for version 2010-05-08"},
	)
}
