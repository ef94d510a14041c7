package events

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"inro.dev/inro/test/rig"
)

const (
	bucket  = "box"
	region  = "ap-northeast-1"
	account = "999999999999"
)

// start starts a server with one target, q, of the given settings, and a bucket
// that tells it of new and removed objects.
func start(t *testing.T, settings string) *rig.Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inro.toml")
	text := "[[events.targets]]\nname = \"q\"\n" + settings + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := rig.Start(t, "--config", path)
	must(t, server, http.MethodPut, bucket, "", "<CreateBucketConfiguration><LocationConstraint>"+region+"</LocationConstraint></CreateBucketConfiguration>")
	must(t, server, http.MethodPut, bucket, "notification=", "<NotificationConfiguration><QueueConfiguration><Id>all</Id><Queue>arn:aws:sqs:"+region+":"+account+
		":q</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event></QueueConfiguration></NotificationConfiguration>")
	return server
}

func must(t *testing.T, server *rig.Server, method, path, query, body string) *rig.Answer {
	t.Helper()
	a, err := server.S3(1).OK(t.Context(), method, path, query, []byte(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, server.Log())
	}
	return a
}

// event is what tests compare of a message.
type event struct {
	test                 bool
	name, bucket, key    string
	size                 int64
	eTag, request, owner string
}

func (e event) String() string { return e.name + " " + e.key }

// decode reads a message in AWS's format.
func decode(t *testing.T, body []byte) []event {
	t.Helper()
	var m struct {
		Event, Bucket string
		Records       []struct {
			EventVersion, EventSource, AWSRegion, EventName string
			EventTime                                       time.Time
			UserIdentity                                    struct{ PrincipalID string }
			ResponseElements                                map[string]string
			S3                                              struct {
				ConfigurationID string
				Bucket          struct{ Name, ARN string }
				Object          struct {
					Key, ETag, Sequencer string
					Size                 int64
				}
			}
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		t.Errorf("%s: %v", body, err)
		return nil
	}
	if m.Event == "s3:TestEvent" {
		return []event{{test: true, name: m.Event, bucket: m.Bucket}}
	}
	var all []event
	for _, r := range m.Records {
		if r.EventVersion != "2.5" || r.EventSource != "aws:s3" || r.AWSRegion != region || r.S3.ConfigurationID != "all" || len(r.S3.Object.Sequencer) != 18 ||
			r.S3.Bucket.ARN != "arn:aws:s3:::"+bucket || time.Since(r.EventTime) > time.Hour {
			t.Errorf("a record is not as expected: %s", body)
		}
		all = append(all, event{name: r.EventName, bucket: r.S3.Bucket.Name, key: r.S3.Object.Key, size: r.S3.Object.Size,
			eTag: r.S3.Object.ETag, request: r.ResponseElements["x-amz-request-id"], owner: r.UserIdentity.PrincipalID})
	}
	return all
}

// receiver collects the events that a target got.
type receiver struct {
	t      *testing.T
	bodies chan []byte
	seen   []event
}

func newReceiver(t *testing.T) *receiver { return &receiver{t: t, bodies: make(chan []byte, 10000)} }

// patience is how long an event may take: a pause between attempts, and a slow
// machine.
const patience = 90 * time.Second

// next returns the next event that was not seen before: a message may come again.
func (r *receiver) next() event {
	r.t.Helper()
	late := time.After(patience)
	for {
		select {
		case body := <-r.bodies:
			fresh := slices.DeleteFunc(decode(r.t, body), func(e event) bool { return slices.Contains(r.seen, e) })
			if len(fresh) == 1 {
				r.seen = append(r.seen, fresh[0])
				return fresh[0]
			}
			if len(fresh) > 1 {
				r.t.Fatalf("got %v in one message, want one event", fresh)
			}
		case <-late:
			r.t.Fatalf("no event within %v; seen: %v", patience, r.seen)
		}
	}
}

// want fails unless the next events are these, in this order.
func (r *receiver) want(all ...string) {
	r.t.Helper()
	for _, want := range all {
		if got := r.next(); got.String() != want {
			r.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// wantUpload makes an upload and checks what is told of it.
func (r *receiver) wantUpload(server *rig.Server) {
	r.t.Helper()
	a := must(r.t, server, http.MethodPut, bucket+"/dir/a b.txt", "", "hello")
	got := r.next()
	want := event{name: "ObjectCreated:Put", bucket: bucket, key: "dir/a+b.txt", size: 5, eTag: "5d41402abc4b2a76b9719d911017c592",
		request: a.Header.Get("x-amz-request-id"), owner: "AWS:" + account}
	if got != want {
		r.t.Errorf("got %+v, want %+v", got, want)
	}
}

// outage makes changes while the target is down, kills the server, and expects
// all of them, in order, when the target is back.
func (r *receiver) outage(server *rig.Server, down, up func()) {
	r.t.Helper()
	down()
	client := server.S3(1)
	var names []string
	begin := time.Now()
	for i := range 20 {
		key := fmt.Sprint("during-", i)
		if err := client.Discard(r.t.Context(), http.MethodPut, bucket+"/"+key, []byte("x")); err != nil {
			r.t.Fatal(err)
		}
		names = append(names, "ObjectCreated:Put "+key)
	}
	// A write that waited for the target would wait for its timeout, 20 times.
	if took := time.Since(begin); took > 20*time.Second {
		r.t.Errorf("20 writes took %v while the target was down", took)
	}
	server.Kill(r.t)
	server.Restart(r.t)
	must(r.t, server, http.MethodDelete, bucket+"/during-0", "", "")
	up()
	r.want(append(names, "ObjectRemoved:Delete during-0")...)
	r.drained(server)
}

// drained waits until nothing is left for the target, and checks that nothing was
// dropped.
func (r *receiver) drained(server *rig.Server) {
	r.t.Helper()
	var text string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		text = metrics(r.t, server)
		if strings.Contains(text, `inro_event_queue_messages{target="q"} 0`) {
			break
		}
	}
	for _, want := range []string{
		`inro_event_queue_messages{target="q"} 0`,
		`inro_events_dropped_total{reason="queue_full",target="q"} 0`, `inro_events_dropped_total{reason="given_up",target="q"} 0`,
	} {
		if !strings.Contains(text, want) {
			r.t.Errorf("the metrics do not say %s:\n%s", want, text)
		}
	}
}

// metrics returns those of events.
func metrics(t *testing.T, server *rig.Server) string {
	t.Helper()
	answer, err := http.Get(server.ConsoleURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "inro_event") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// process is a broker.
type process struct {
	cmd  *exec.Cmd
	name string
}

// run starts a program and ends it with the test. It is skipped where the program
// is not installed.
func run(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	path := find(t, name)
	p := &process{name: name, cmd: exec.Command(path, args...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it starts ends with it
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s: %s", name, text[max(0, len(text)-4000):])
		}
	})
	return p
}

// find looks where Debian puts servers, too.
func find(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/lib/rabbitmq/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed; test/clients does it", name)
	return ""
}

func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM) // an error means that it has ended
	killed := time.AfterFunc(20*time.Second, func() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	defer killed.Stop()
	p.cmd.Wait() // brokers end with all kinds of codes
}

// freePort returns a port that nobody listens on, for a broker that comes back.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// await waits until something can be done.
func await(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err = try(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// listening waits for a port.
func listening(t *testing.T, port string) {
	t.Helper()
	await(t, "port "+port, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// secret writes a file that only its owner may read.
func secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
