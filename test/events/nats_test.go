package events

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func connect(t *testing.T, port string) *nats.Conn {
	t.Helper()
	listening(t, port)
	conn, err := nats.Connect("nats://127.0.0.1:"+port, nats.Timeout(10*time.Second), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func TestNATS(t *testing.T) {
	port := freePort(t)
	run(t, nil, "nats-server", "-a", "127.0.0.1", "-p", port)
	conn := connect(t, port)
	r := newReceiver(t)
	if _, err := conn.Subscribe("inro.events", func(m *nats.Msg) { r.bodies <- m.Data }); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	server := start(t, "type = \"nats\"\nurl = \"nats://127.0.0.1:"+port+"\"\nsubject = \"inro.events\"")
	if got := r.next(); !got.test {
		t.Errorf("got %+v, want the test event", got)
	}
	r.wantUpload(server)
}

func TestJetStream(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	begin := func() *process {
		return run(t, nil, "nats-server", "-a", "127.0.0.1", "-p", port, "-js", "-sd", dir)
	}
	broker := begin()
	conn := connect(t, port)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t)
	server := start(t, "type = \"nats\"\nurl = \"nats://127.0.0.1:"+port+"\"\nsubject = \"inro.events\"\njetstream = true")
	// Without a stream nothing is confirmed, so the test event waits for this.
	var stream jetstream.Stream
	await(t, "create a stream", func(ctx context.Context) error {
		stream, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"inro.events"}})
		return err
	})
	consumer, err := stream.CreateOrUpdateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "receiver", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	consume := func() {
		session, err := consumer.Consume(func(m jetstream.Msg) {
			r.bodies <- m.Data()
			m.Ack() // what is not acknowledged comes again, as a message may
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(session.Stop)
	}
	consume()
	if got := r.next(); !got.test {
		t.Errorf("got %+v, want the test event", got)
	}
	r.wantUpload(server)
	r.outage(server, func() { broker.stop() }, func() {
		begin()
		await(t, "the stream", func(ctx context.Context) error {
			_, err := js.Stream(ctx, "EVENTS")
			return err
		})
	})
}
