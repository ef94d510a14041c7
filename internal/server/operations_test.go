package server

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"inro.dev/inro/internal/admin"
	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/iot"
	"inro.dev/inro/internal/s3"
	"inro.dev/inro/internal/sts"
)

var update = flag.Bool("update", false, "rewrite the generated documents in docs")

// TestOperationsDocument keeps docs/operations.md equal to the tables of
// operations.
func TestOperationsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(operationsHead)
	services := documentedServices()
	writeOperationCounts(&b, services)
	for _, s := range services {
		writeService(&b, s)
	}
	writeOwnService(&b)
	compareDocument(t, "../../docs/operations.md", b.String())
}

const operationsHead = `# Operations

<!-- Generated from the tables of operations by "make docs". Do not edit. -->

Every operation that AWS has in these four services is in a table of Inro.
It is offered, or it is refused with ` + "`NotImplemented`" + ` (HTTP 501) and the reason given here.
How an offered operation differs from AWS is in [divergences.md](divergences.md).
Beside them stand the credentials endpoint, ` + "`GET /role-aliases/{roleAlias}/credentials`" + ` over mutual TLS, and [Inro's own operations](#inro).

A route is method, path and, for S3, the query members and headers that select the operation.
Operations of IAM and STS have no route: the member ` + "`Action`" + ` of the form names them.

`

// documentedService is a service with the name that people know it by.
type documentedService struct {
	title string
	api.Service
}

// documentedServices returns the tables. They are made without stores, since
// nothing is served.
func documentedServices() []documentedService {
	return []documentedService{
		{"S3", s3.New(s3.Config{}).API()},
		{"S3 Control", s3.New(s3.Config{}).ControlAPI()},
		{"IAM", iam.New(iam.Config{}).API()},
		{"STS", sts.New(sts.Config{}).API()},
		{"IoT", iot.New(iot.Config{}).API()},
	}
}

func writeOperationCounts(b *strings.Builder, services []documentedService) {
	b.WriteString("| Service | Offered | Refused |\n| --- | --- | --- |\n")
	for _, s := range services {
		offered, refused := splitOperations(s.Operations)
		fmt.Fprintf(b, "| [%s](#%s) | %d | %d |\n", s.title, strings.ReplaceAll(strings.ToLower(s.title), " ", "-"), len(offered), len(refused))
	}
}

// splitOperations returns what is offered and what is refused, each by name.
func splitOperations(operations []api.Operation) (offered, refused []api.Operation) {
	for _, op := range operations {
		if op.Offered() {
			offered = append(offered, op)
		} else {
			refused = append(refused, op)
		}
	}
	byName := func(a, b api.Operation) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(offered, byName)
	slices.SortFunc(refused, byName)
	return offered, refused
}

func writeService(b *strings.Builder, s documentedService) {
	offered, refused := splitOperations(s.Operations)
	fmt.Fprintf(b, "\n## %s\n\n### %s: offered\n\n", s.title, s.title)
	if routed := offered[0].Route != ""; routed {
		b.WriteString("| Operation | Route |\n| --- | --- |\n")
		for _, op := range offered {
			fmt.Fprintf(b, "| %s | `%s` |\n", op.Name, op.Route)
		}
	} else {
		b.WriteString(operationNames(offered) + ".\n")
	}
	if len(refused) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s: refused\n", s.title)
	for _, reason := range reasonsOf(refused) {
		group := slices.DeleteFunc(slices.Clone(refused), func(op api.Operation) bool { return op.Refusal != reason })
		fmt.Fprintf(b, "\n%s\n\n- %s\n", sentence(reason), operationNames(group))
	}
}

// writeOwnService writes the operations that AWS does not have.
func writeOwnService(b *strings.Builder) {
	b.WriteString("\n## Inro\n\nThe operations of the installation, in the service `inro` and the protocol restJson1; `inro account` calls them.\n" +
		"They are for callers of the installation's own account, whose policies name actions such as `inro:CreateAccount`.\n\n" +
		"| Operation | Route |\n| --- | --- |\n")
	for _, op := range admin.New(admin.Config{}).Operations() {
		fmt.Fprintf(b, "| %s | `%s` |\n", op.Name, op.Route)
	}
}

func operationNames(operations []api.Operation) string {
	names := make([]string, len(operations))
	for i, op := range operations {
		names[i] = op.Name
	}
	return strings.Join(names, ", ")
}

// reasonsOf returns the reasons in alphabetical order.
func reasonsOf(refused []api.Operation) []string {
	reasons := make([]string, len(refused))
	for i, op := range refused {
		reasons[i] = op.Refusal
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// sentence begins text with a capital letter and ends it with a full stop.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// compareDocument fails when the file does not hold want, and with -update
// makes it so.
func compareDocument(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		var g, w string
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Fatalf("%s, line %d, is out of date (run: make docs)\ngot  %s\nwant %s", path, i+1, g, w)
		}
	}
}
