package notify

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// broker is an MQTT broker of a few lines. on decides what becomes of the i-th
// message: a reason code for PUBACK, or one of the constants below.
type broker struct {
	net.Listener
	on func(i int) int

	mu       sync.Mutex
	received []string
	connect  *packets.Connect
}

const (
	hangUp = -1
	silent = -2
)

func newBroker(t *testing.T, on func(i int) int) *broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{Listener: l, on: on}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	return b
}

func (b *broker) serve(conn net.Conn) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		switch c := p.Content.(type) {
		case *packets.Connect:
			b.mu.Lock()
			b.connect = c
			b.mu.Unlock()
			most := uint16(3) // as few unacknowledged messages as this
			ack := packets.Connack{Properties: &packets.Properties{ReceiveMaximum: &most}}
			ack.WriteTo(conn)
		case *packets.Publish:
			b.mu.Lock()
			i := len(b.received)
			b.received = append(b.received, string(c.Payload))
			b.mu.Unlock()
			switch code := b.on(i); code {
			case hangUp:
				return
			case silent:
			default:
				ack := packets.Puback{PacketID: c.PacketID, ReasonCode: byte(code)}
				ack.WriteTo(conn)
			}
		case *packets.Disconnect:
			return
		}
	}
}

func (b *broker) target() Target {
	return Target{Name: "q", Type: MQTT, URL: "mqtt://" + b.Addr().String(), Topic: "events", Timeout: 2 * time.Second}
}

func TestMQTTMessagesAreConfirmedInOrder(t *testing.T) {
	b := newBroker(t, func(i int) int { return []int{0x00, 0x10}[i%2] }) // success, with and without subscribers
	target := b.target()
	target.Username, target.PasswordFile, target.ClientID = "user", secretFile(t, "password"), "inro-1"
	all := bodies(0, 50)
	if n, err := deliver(t, target, all...); n != 50 || err != nil {
		t.Fatalf("got %d, %v, want all delivered", n, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.received, all) {
		t.Errorf("received %q, want all in order", b.received)
	}
	if c := b.connect; c.ProtocolVersion != 5 || c.Username != "user" || string(c.Password) != "password" || c.ClientID != "inro-1" || !c.CleanStart {
		t.Errorf("connected with %+v", c)
	}
}

func TestMQTTCountsWhatWasConfirmed(t *testing.T) {
	for what, c := range map[string]struct {
		then int
		want string
	}{
		"not authorized":  {0x87, "reason code 0x87"},
		"quota exceeded":  {0x97, "reason code 0x97"},
		"connection ends": {hangUp, ""},
		"no answer":       {silent, ""},
	} {
		b := newBroker(t, func(i int) int {
			if i >= 2 {
				return c.then
			}
			return 0
		})
		target := b.target()
		target.Timeout = 300 * time.Millisecond
		n, err := deliver(t, target, bodies(0, 6)...)
		if n != 2 || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %d, %v, want 2 confirmed and an error with %q", what, n, err, c.want)
		}
	}
}

func TestUnreachableTargetsAreErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String() // of a port where nobody listens
	l.Close()
	password := secretFile(t, "p")
	for _, target := range []Target{
		{Type: Webhook, URL: "http://" + address},
		{Type: MQTT, URL: "mqtt://" + address, Topic: "t"},
		{Type: NATS, URL: "nats://" + address, Subject: "s"},
		{Type: AMQP, URL: "amqp://" + address, RoutingKey: "r", Username: "u", PasswordFile: password},
	} {
		target.Name, target.Timeout = "q", time.Second
		if n, err := deliver(t, target, "{}"); n != 0 || err == nil {
			t.Errorf("%s: got %d, %v, want an error", target.Type, n, err)
		}
	}
}

// A port that accepts and says nothing must not hold a delivery for longer
// than the target's timeout.
func TestSilentTargetsTimeOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	password := secretFile(t, "p")
	for _, target := range []Target{
		{Type: Webhook, URL: "http://" + l.Addr().String()},
		{Type: Webhook, URL: "https://" + l.Addr().String()},
		{Type: MQTT, URL: "mqtt://" + l.Addr().String(), Topic: "t"},
		{Type: MQTT, URL: "mqtts://" + l.Addr().String(), Topic: "t"},
		{Type: NATS, URL: "nats://" + l.Addr().String(), Subject: "s"},
		{Type: AMQP, URL: "amqp://" + l.Addr().String(), RoutingKey: "r", Username: "u", PasswordFile: password},
		{Type: AMQP, URL: "amqps://" + l.Addr().String(), RoutingKey: "r", Username: "u", PasswordFile: password},
	} {
		target.Name, target.Timeout = "q", 200*time.Millisecond
		start := time.Now()
		sent := make(chan error, 1)
		go func() {
			_, err := deliverWithin(t, target, "{}")
			sent <- err
		}()
		select {
		case err := <-sent:
			if err == nil {
				t.Errorf("%s: got no error", target.URL)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: still waiting after %v", target.URL, time.Since(start))
		}
	}
}

// deliverWithin opens a target within its timeout, as a delivery does.
func deliverWithin(t *testing.T, target Target, body string) (int, error) {
	outbox := newMemoryOutbox()
	d := newDelivery(&target, target.opener(), outbox, discard)
	err := d.deliver(t.Context(), []Message{{1, []byte(body)}})
	d.closeSender()
	return int(d.delivered.Load()), err
}
