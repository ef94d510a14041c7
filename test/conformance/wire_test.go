package conformance

import (
	"context"
	"fmt"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/iot"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/s3"
	"inro.dev/inro/internal/sts"
)

// tables are the services' operation tables. Nothing stands behind them.
func tables() map[string]api.Service {
	return map[string]api.Service{
		"iam": iam.New(iam.Config{}).API(),
		"iot": iot.New(iot.Config{Region: region}).API(),
		"s3":  s3.New(s3.Config{Region: region}).API(),
		"sts": sts.New(sts.Config{}).API(),
	}
}

// client is the SDK's client of a service.
func (c *clients) of(service string) reflect.Value {
	return map[string]reflect.Value{
		"iam": reflect.ValueOf(c.iam), "iot": reflect.ValueOf(c.iot), "s3": reflect.ValueOf(c.s3), "sts": reflect.ValueOf(c.sts),
	}[service]
}

// probeCaller knows one access key.
type probeCaller struct{}

const probeSecret = "probe-secret-access-key-of-40-characters"

func (probeCaller) Resolve(context.Context, string, string) (*identity.Caller, string, error) {
	p := policy.Principal{Type: policy.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}
	return &identity.Caller{Principal: p, Keys: new(policy.Context)}, probeSecret, nil
}

// wire is an HTTP server of all tables with probes for handlers, and a client
// of one service: it notes the last input that it decoded and answers with the output it is given.
type wire struct {
	service string
	client  reflect.Value // of the SDK

	mu     sync.Mutex
	input  any
	output any // nil: a zero output
}

func newWire(t *testing.T, service string) *wire {
	t.Helper()
	w := &wire{service: service}
	var services []api.Service
	for _, table := range tables() {
		for i := range table.Operations {
			op := table.Operations[i]
			if op.Offered() {
				table.Operations[i] = op.Probe(func(in any) (any, error) { return w.answer(&op, in) })
			}
		}
		table.Observe = nil // it would ask for buckets that there are not
		services = append(services, table)
	}
	handler, err := api.NewServer(api.Config{
		Services: services, Authority: api.ProbeAuthority{Resolver: probeCaller{}}, Region: region, Domains: []string{"localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	provider := credentials.NewStaticCredentialsProvider("AKIAPROBEPROBEPROBE1", probeSecret, "")
	w.client = newClients(sdkConfig(server.URL, provider)).of(service)
	return w
}

func (w *wire) answer(op *api.Operation, in any) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.input = in
	if w.output != nil {
		return w.output, nil
	}
	return op.NewOutput(), nil
}

// newSDKInput returns a pointer to a new input of the SDK.
func (w *wire) newSDKInput(operation string) (reflect.Value, error) {
	method := w.client.MethodByName(operation)
	if !method.IsValid() {
		return reflect.Value{}, fmt.Errorf("the SDK has no operation %s", operation)
	}
	return reflect.New(method.Type().In(1).Elem()), nil
}

// call sends an input of the SDK and returns the input that the server decoded
// and the output that the SDK read.
func (w *wire) call(ctx context.Context, operation string, in reflect.Value, output any) (decoded any, out reflect.Value, err error) {
	w.mu.Lock()
	w.input, w.output = nil, output
	w.mu.Unlock()
	results := w.client.MethodByName(operation).Call([]reflect.Value{reflect.ValueOf(ctx), in})
	err, _ = results[1].Interface().(error)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.input, results[0], err
}

// operationsOf are the operations of an SDK client: its methods that take a
// context and an input.
func operationsOf(client reflect.Value) []string {
	var names []string
	t := client.Type()
	for i := range t.NumMethod() {
		m := t.Method(i)
		ft := m.Type
		if ft.NumIn() >= 3 && ft.In(1) == reflect.TypeFor[context.Context]() && ft.NumOut() == 2 &&
			ft.In(2).Kind() == reflect.Pointer && ft.In(2).Elem().Name() == m.Name+"Input" {
			names = append(names, m.Name)
		}
	}
	return names
}

// everySDKClient serves the comparison of tables, which calls nothing.
func everySDKClient() *clients {
	return newClients(sdkConfig("http://localhost", aws.AnonymousCredentials{}))
}
