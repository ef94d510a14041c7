package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// amqpSender publishes to an exchange with publisher confirms.
type amqpSender struct {
	target  *Target
	raw     net.Conn
	conn    *amqp.Connection
	channel *amqp.Channel
	// returned are messages that no queue took; the broker says so before it
	// confirms them.
	returned chan amqp.Return
}

// heartbeat is how often an idle connection is tried.
const heartbeat = 10 * time.Second

const closeTimeout = time.Second

func openAMQP(ctx context.Context, t *Target, s *secrets) (sender, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, errors.New("url cannot be read")
	}
	a := &amqpSender{target: t, returned: make(chan amqp.Return, maxRead)}
	if a.raw, err = dial(ctx, t, s, "5672", "5671"); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { a.raw.Close() })
	defer stop()
	a.conn, err = amqp.Open(a.raw, amqp.Config{
		SASL: []amqp.Authentication{authentication(t, s)}, Vhost: vhost(u), Heartbeat: heartbeat, Locale: "en_US",
		Properties: amqp.Table{"connection_name": "inro", "product": "inro"},
	})
	if err == nil {
		a.channel, err = a.conn.Channel()
	}
	if err == nil {
		err = a.channel.Confirm(false)
	}
	if err != nil {
		a.raw.Close()
		return nil, err
	}
	a.channel.NotifyReturn(a.returned)
	return a, nil
}

// authentication is by password, or by the client certificate.
func authentication(t *Target, s *secrets) amqp.Authentication {
	if t.Username == "" {
		return &amqp.ExternalAuth{}
	}
	return &amqp.PlainAuth{Username: t.Username, Password: s.password}
}

// vhost is the path of the URL; without one it is "/" (RabbitMQ URI
// Specification).
func vhost(u *url.URL) string {
	if name := strings.TrimPrefix(u.Path, "/"); name != "" {
		return name
	}
	return "/"
}

// close says goodbye, if the broker listens.
func (a *amqpSender) close() {
	timer := time.AfterFunc(closeTimeout, func() { a.raw.Close() })
	defer timer.Stop()
	a.conn.Close() // an error means that the connection is gone
	a.raw.Close()
}

func (a *amqpSender) send(ctx context.Context, messages []Message) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, a.target.timeout())
	defer cancel()
	// A broker that is short of memory stops reading, and writes stand still.
	stop := context.AfterFunc(ctx, func() { a.raw.Close() })
	defer stop()
	confirms := make([]*amqp.DeferredConfirmation, 0, len(messages))
	var failure error
	for i := range messages {
		confirm, err := a.channel.PublishWithDeferredConfirmWithContext(ctx, a.target.Exchange, a.target.RoutingKey, true, false, amqp.Publishing{
			ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: messages[i].ID(), AppId: "inro", Body: messages[i].Body,
		})
		if err != nil {
			failure = err
			break
		}
		confirms = append(confirms, confirm)
	}
	confirmed, err := a.await(ctx, confirms)
	if err == nil {
		err = failure
	}
	return a.taken(messages, confirmed, err)
}

// await counts the messages, from the first, that the broker confirmed.
func (a *amqpSender) await(ctx context.Context, confirms []*amqp.DeferredConfirmation) (int, error) {
	for i, confirm := range confirms {
		if confirm.Acked() { // even when the time is over
			continue
		}
		switch ok, err := confirm.WaitContext(ctx); {
		case err != nil:
			return i, fmt.Errorf("wait for the broker's confirm: %w", err)
		case !ok:
			return i, errors.New("the broker did not confirm a message, or closed the connection")
		}
	}
	return len(confirms), nil
}

// taken leaves off the messages from the first that no queue took.
func (a *amqpSender) taken(messages []Message, confirmed int, err error) (int, error) {
	returned := make(map[string]bool)
	for more := true; more; {
		select {
		case r, open := <-a.returned:
			if more = open; open {
				returned[r.MessageId] = true
			}
		default:
			more = false
		}
	}
	if len(returned) == 0 {
		return confirmed, err
	}
	for i := range messages[:confirmed] {
		if returned[messages[i].ID()] {
			return i, errors.New("no queue is bound to the exchange with this routing key")
		}
	}
	return confirmed, err
}
