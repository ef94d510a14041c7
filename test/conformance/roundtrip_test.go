package conformance

import (
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"inro.dev/inro/internal/api"
)

// roundTripped are the services whose structs stand for SDK structs one to
// one. S3's requests are tested by what they do.
var roundTripped = []string{"iam", "iot", "sts"}

// unknownMembers are input members of the SDK that Inro does not decode, with
// the reason why nothing is lost.
var unknownMembers = map[string]string{
	"iam.SimulateCustomPolicy.OrderedOrganizationPolicyInputList.ServiceControlPolicyInputList": "the list is refused as a whole",
	"iam.SimulatePrincipalPolicy.PolicyExclusionList.Value":                                     "the list is refused as a whole",
	"iot.CreateThingType.ThingTypeProperties.Mqtt5Configuration.PropagatingAttributes":          "the structure is refused as a whole",
	"iot.UpdateThingType.ThingTypeProperties.Mqtt5Configuration.PropagatingAttributes":          "the structure is refused as a whole",
}

// sharedOutputs are members that one output struct of Inro has for several
// operations; the handlers leave them empty where the SDK does not have them.
var sharedOutputs = map[string]string{
	"iam.GetUserPolicy.GroupName": "set for groups",
	"iam.GetUserPolicy.RoleName":  "set for roles",
	"iam.GetGroupPolicy.UserName": "set for users",
	"iam.GetGroupPolicy.RoleName": "set for roles",
	"iam.GetRolePolicy.UserName":  "set for users",
	"iam.GetRolePolicy.GroupName": "set for groups",
}

func TestInputsArriveAsTheSDKSendsThem(t *testing.T) {
	unused := maps.Clone(unknownMembers)
	for _, service := range roundTripped {
		t.Run(service, func(t *testing.T) {
			w := newWire(t, service)
			for _, op := range offered(t, service) {
				for seed, share := range []float64{0, 0.3, 0.7, 1, 1} {
					arrives(t, w, &op, uint64(seed), share, unused)
				}
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("unknownMembers lists %s, which Inro knows or the SDK does not", name)
	}
}

func offered(t *testing.T, service string) []api.Operation {
	t.Helper()
	var rows []api.Operation
	for _, op := range tables()[service].Operations {
		if op.Offered() {
			rows = append(rows, op)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s offers no operation", service)
	}
	return rows
}

// arrives sends a random input with a share of the members that are not
// required and compares what the server decoded. What is in unknownMembers is
// taken out of unused.
func arrives(t *testing.T, w *wire, op *api.Operation, seed uint64, share float64, unused map[string]string) {
	t.Helper()
	in, err := w.newSDKInput(op.Name)
	if err != nil {
		t.Error(err)
		return
	}
	newFiller(seed).sdk(in.Elem(), reflect.TypeOf(op.NewInput()).Elem(), share, 0)
	decoded, _, err := w.call(t.Context(), op.Name, in, nil)
	if invalid, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		t.Errorf("%s: Inro does not demand what the SDK does: %v", op.Name, invalid)
		return
	}
	if err != nil || decoded == nil {
		t.Errorf("%s (seed %d, share %v): %v\nsent %+v", op.Name, seed, share, err, in.Elem())
		return
	}
	c := compare(in.Elem(), reflect.ValueOf(decoded).Elem())
	for _, text := range c.different {
		t.Errorf("%s: %s", op.Name, text)
	}
	for _, name := range c.onlyOurs {
		t.Errorf("%s: Inro decodes the member %s, which the SDK does not have", op.Name, name)
	}
	for _, name := range c.onlySDK {
		full := w.service + "." + op.Name + "." + subscript.ReplaceAllString(name, "")
		if unknownMembers[full] == "" {
			t.Errorf("%s is ignored: decode it, refuse it, or say in unknownMembers why it does not matter", full)
		}
		delete(unused, full)
	}
}

var subscript = regexp.MustCompile(`\[[^]]*\]`)

// demandedByInro are operations that Inro demands a member for which the SDK
// leaves out.
var demandedByInro = map[string]string{
	"iot.UpdateThingGroupsForThing": "the model demands no thing, without which the operation means nothing",
}

func TestInroDemandsNoMoreMembersThanTheSDK(t *testing.T) {
	for _, service := range roundTripped {
		t.Run(service, func(t *testing.T) {
			w := newWire(t, service)
			for _, op := range offered(t, service) {
				in := demandedBySDK(t, w, &op)
				if _, _, err := w.call(t.Context(), op.Name, in, nil); err != nil && demandedByInro[service+"."+op.Name] == "" {
					t.Errorf("%s: %v\nsent %+v", op.Name, err, in.Elem())
				}
			}
		})
	}
}

// demandedBySDK returns a random input with those members alone without which
// the SDK sends nothing.
func demandedBySDK(t *testing.T, w *wire, op *api.Operation) reflect.Value {
	t.Helper()
	full, err := w.newSDKInput(op.Name)
	if err != nil {
		t.Fatal(err)
	}
	newFiller(5).sdk(full.Elem(), reflect.TypeOf(op.NewInput()).Elem(), 1, 0)
	in := reflect.New(full.Type().Elem())
	_, _, err = w.call(t.Context(), op.Name, in, nil)
	if invalid, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		for _, missing := range invalid.Errs() {
			field := missing.(smithy.InvalidParamError).Field()
			name, _, _ := strings.Cut(strings.TrimPrefix(field, op.Name+"Input."), ".")
			in.Elem().FieldByName(name).Set(full.Elem().FieldByName(name))
		}
	}
	return in
}

func TestOutputsArriveAsInroFillsThem(t *testing.T) {
	for _, service := range roundTripped {
		t.Run(service, func(t *testing.T) {
			w := newWire(t, service)
			for _, op := range offered(t, service) {
				returns(t, w, &op)
			}
		})
	}
}

// returns serves a random output and compares what the SDK read.
func returns(t *testing.T, w *wire, op *api.Operation) {
	t.Helper()
	in, err := w.newSDKInput(op.Name)
	if err != nil {
		t.Error(err)
		return
	}
	fill := newFiller(2)
	fill.sdk(in.Elem(), reflect.TypeOf(op.NewInput()).Elem(), 1, 0)
	output := op.NewOutput()
	fill.ours(reflect.ValueOf(output).Elem(), 0)
	_, out, err := w.call(t.Context(), op.Name, in, output)
	if err != nil {
		t.Errorf("%s: %v\nserved %+v", op.Name, err, output)
		return
	}
	c := compare(out.Elem(), reflect.ValueOf(output).Elem())
	for _, text := range c.different {
		t.Errorf("%s: %s", op.Name, text)
	}
	for _, name := range c.onlyOurs {
		if sharedOutputs[w.service+"."+op.Name+"."+name] != "" {
			continue
		}
		t.Errorf("%s: Inro renders the member %s, which the SDK does not have", op.Name, name)
	}
}

// beyondSDK are rows that are no operations of the SDK.
var beyondSDK = map[string]string{
	"s3.PostObject": "browsers post forms; SDKs only sign them",
}

func TestEverySDKOperationIsOfferedOrRefused(t *testing.T) {
	sdk := everySDKClient()
	for service, table := range tables() {
		rows := make(map[string]bool)
		for _, op := range table.Operations {
			rows[op.Name] = true
		}
		operations := operationsOf(sdk.of(service))
		if len(operations) < 10 {
			t.Fatalf("%s: the SDK has %d operations, want at least 10", service, len(operations))
		}
		for _, name := range operations {
			if !rows[name] {
				t.Errorf("%s.%s is neither offered nor refused", service, name)
			}
			delete(rows, name)
		}
		for name := range rows {
			if beyondSDK[service+"."+name] == "" {
				t.Errorf("%s.%s is unknown to the SDK", service, name)
			}
		}
	}
}

// uncallable are refused operations that the SDK does not send to an endpoint
// of one's own, or that cannot be filled at random.
var uncallable = map[string]string{
	"s3.ListDirectoryBuckets":       "the SDK first asks S3 Express for a session",
	"s3.WriteGetObjectResponse":     "the SDK puts a route token in front of the host name",
	"s3.UpdateObjectEncryption":     "its input is a union",
	"iot.CreateTopicRule":           "its input holds a union",
	"iot.ReplaceTopicRule":          "its input holds a union",
	"sts.AssumeRoleWithSAML":        "it is not signed, and so S3's, which refuses it",
	"sts.AssumeRoleWithWebIdentity": "it is not signed, and so S3's, which refuses it",
}

func TestRefusedOperationsAreRefusedByName(t *testing.T) {
	for service, table := range tables() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, service)
			for _, op := range table.Operations {
				full := service + "." + op.Name
				if !op.Offered() && beyondSDK[full] == "" && uncallable[full] == "" {
					refusesByName(t, w, &op)
				}
			}
		})
	}
}

func refusesByName(t *testing.T, w *wire, op *api.Operation) {
	t.Helper()
	in, err := w.newSDKInput(op.Name)
	if err != nil {
		t.Error(err)
		return
	}
	newFiller(3).sdk(in.Elem(), nil, 1, 0)
	if algorithm := in.Elem().FieldByName("ChecksumAlgorithm"); algorithm.IsValid() {
		algorithm.SetString("CRC32") // the SDK does not compute all that it knows
	}
	_, _, err = w.call(t.Context(), op.Name, in, nil)
	got := refusalOf(err)
	if got.status != 501 || !strings.Contains(got.message, op.Name+" is not offered") {
		t.Errorf("%s: got %v (%v), want 501 and %q", op.Name, got, err, op.Name+" is not offered")
	}
}
