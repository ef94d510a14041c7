package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/session"
	"github.com/eclipse/paho.golang/paho/session/state"
)

// mqtt publishes with QoS 1 over MQTT 5, whose acknowledgements say when the
// broker refused a message; those of version 3.1.1 cannot.
type mqtt struct {
	target  *Target
	conn    net.Conn
	client  *paho.Client
	session *pipeline
}

// keepAliveSeconds is how often an idle connection is tried.
const keepAliveSeconds = 30

func openMQTT(ctx context.Context, t *Target, s *secrets) (sender, error) {
	conn, err := dial(ctx, t, s, "1883", "8883")
	if err != nil {
		return nil, err
	}
	m := &mqtt{target: t, conn: packets.NewThreadSafeConn(conn), session: &pipeline{SessionManager: state.NewInMemory()}}
	m.client = paho.NewClient(paho.ClientConfig{
		ClientID: t.ClientID, Conn: m.conn, Session: m.session, PacketTimeout: t.timeout(),
	})
	few := uint16(1) // nothing is subscribed to; the client keeps room for as many
	connect := &paho.Connect{ClientID: t.ClientID, KeepAlive: keepAliveSeconds, CleanStart: true,
		Properties: &paho.ConnectProperties{ReceiveMaximum: &few}}
	if t.Username != "" {
		connect.UsernameFlag, connect.Username = true, t.Username
		connect.PasswordFlag, connect.Password = true, []byte(s.password)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := m.client.Connect(ctx, connect); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return m, nil
}

func (m *mqtt) close() {
	m.client.Disconnect(&paho.Disconnect{}) // an error means that the connection is gone
	m.conn.Close()
	m.session.Close()
}

// send writes all messages before it waits for the first acknowledgement.
func (m *mqtt) send(ctx context.Context, messages []Message) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, m.target.timeout())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { m.conn.Close() }) // a write has no deadline of its own
	defer stop()
	var failure error
	sent := 0
	m.session.begin(len(messages))
	for sent < len(messages) && failure == nil {
		text := byte(1)
		_, failure = m.client.PublishWithOptions(ctx, &paho.Publish{
			QoS: 1, Topic: m.target.Topic, Payload: messages[sent].Body,
			Properties: &paho.PublishProperties{ContentType: "application/json", PayloadFormat: &text,
				User: paho.UserProperties{{Key: "message-id", Value: messages[sent].ID()}}},
		}, paho.PublishOptions{Method: paho.PublishMethod_AsyncSend})
		if failure == nil {
			sent++
		}
	}
	for i := range sent {
		if err := m.await(ctx, m.session.answer(i)); err != nil {
			return i, err
		}
	}
	return sent, failure
}

// await waits for one acknowledgement.
func (m *mqtt) await(ctx context.Context, answer <-chan packets.ControlPacket) error {
	var ended error
	select {
	case packet := <-answer:
		return acknowledged(&packet)
	case <-ctx.Done():
		ended = fmt.Errorf("wait for PUBACK: %w", ctx.Err())
	case <-m.client.Done():
		ended = errors.New("the connection ended before PUBACK")
	}
	select {
	case packet := <-answer: // it came before the end
		return acknowledged(&packet)
	default:
		return ended
	}
}

// acknowledged reads an acknowledgement.
func acknowledged(packet *packets.ControlPacket) error {
	ack, ok := packet.Content.(*packets.Puback)
	switch {
	case !ok:
		return errors.New("the message was not acknowledged")
	case ack.ReasonCode >= 0x80: // MQTT 5 section 3.4.2.1
		return fmt.Errorf("the broker refused the message: reason code %#x", ack.ReasonCode)
	}
	return nil
}

// pipeline is a session that keeps hold of the acknowledgements of messages
// that were sent without waiting, which the client otherwise gives to nobody.
type pipeline struct {
	session.SessionManager

	mu      sync.Mutex
	answers []chan packets.ControlPacket
}

func (p *pipeline) begin(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = make([]chan packets.ControlPacket, 0, n)
}

// AddToSession implements session.SessionManager.
func (p *pipeline) AddToSession(ctx context.Context, packet session.Packet, answer chan<- packets.ControlPacket) error {
	if packet.Type() != packets.PUBLISH {
		return p.SessionManager.AddToSession(ctx, packet, answer)
	}
	own := make(chan packets.ControlPacket, 1)
	if err := p.SessionManager.AddToSession(ctx, packet, own); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, own)
	return nil
}

// answer is where the acknowledgement of the i-th message comes.
func (p *pipeline) answer(i int) <-chan packets.ControlPacket {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers[i]
}
