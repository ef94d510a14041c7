package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsSender publishes to a subject of NATS.
type natsSender struct {
	target *Target
	conn   *nats.Conn
	stream jetstream.JetStream // nil: core NATS
}

func openNATS(_ context.Context, t *Target, s *secrets) (sender, error) {
	options := []nats.Option{
		// Whoever delivers opens the target again, in order.
		nats.NoReconnect(), nats.Name("inro"), nats.Timeout(t.timeout()), nats.FlusherTimeout(t.timeout()),
		nats.PingInterval(keepAliveSeconds * time.Second), nats.MaxPingsOutstanding(1),
	}
	if s.tls != nil {
		options = append(options, nats.Secure(s.tls))
	}
	switch {
	case t.Username != "":
		options = append(options, nats.UserInfo(t.Username, s.password))
	case s.token != "":
		options = append(options, nats.Token(s.token))
	case s.credentials != nil:
		options = append(options, nats.UserCredentialBytes(s.credentials))
	}
	conn, err := nats.Connect(t.URL, options...)
	if err != nil {
		return nil, err
	}
	n := &natsSender{target: t, conn: conn}
	if t.JetStream {
		n.stream, err = jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(maxRead))
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return n, nil
}

func (n *natsSender) close() { n.conn.Close() }

func (n *natsSender) send(ctx context.Context, messages []Message) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.target.timeout())
	defer cancel()
	if n.stream == nil {
		return n.publish(ctx, messages)
	}
	return n.store(ctx, messages)
}

func (n *natsSender) message(m *Message) *nats.Msg {
	return &nats.Msg{Subject: n.target.Subject, Data: m.Body, Header: nats.Header{
		"Content-Type": {"application/json"}, nats.MsgIdHdr: {m.ID()},
	}}
}

// publish sends by core NATS. The server answers the PING behind the messages
// when it has taken them all; it refuses one by an error that comes before.
func (n *natsSender) publish(ctx context.Context, messages []Message) (int, error) {
	for i := range messages {
		if err := n.conn.PublishMsg(n.message(&messages[i])); err != nil {
			return 0, err
		}
	}
	if err := n.conn.FlushWithContext(ctx); err != nil {
		return 0, err
	}
	if err := n.conn.LastError(); err != nil { // such as a permission that is missing
		return 0, err
	}
	return len(messages), nil
}

// store sends to a stream, and waits until it has stored each message. The
// stream knows by its id one that came before.
func (n *natsSender) store(ctx context.Context, messages []Message) (int, error) {
	acks := make([]jetstream.PubAckFuture, 0, len(messages))
	var failure error
	for i := range messages {
		ack, err := n.stream.PublishMsgAsync(n.message(&messages[i]))
		if err != nil {
			failure = err
			break
		}
		acks = append(acks, ack)
	}
	for i, ack := range acks {
		select {
		case <-ack.Ok():
			continue // even when the time is over
		default:
		}
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return i, fmt.Errorf("the stream did not store the message: %w", err)
		case <-ctx.Done():
			return i, fmt.Errorf("wait for the stream: %w", ctx.Err())
		}
	}
	return len(acks), failure
}
