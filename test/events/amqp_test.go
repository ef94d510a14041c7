package events

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbit starts a node of RabbitMQ with all that it keeps in dir, and as few
// threads as it can do with.
func rabbit(t *testing.T, dir, port, epmd string) *process {
	t.Helper()
	p := run(t, []string{
		"HOME=" + dir, "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=" + epmd,
		"RABBITMQ_NODENAME=inro-test@localhost", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT=" + port, "RABBITMQ_DIST_PORT=" + freePort(t),
		"RABBITMQ_MNESIA_BASE=" + filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE=" + filepath.Join(dir, "log"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(dir, "plugins"), "RABBITMQ_CONFIG_FILE=" + filepath.Join(dir, "rabbitmq.conf"),
		"RABBITMQ_CONF_ENV_FILE=" + filepath.Join(dir, "none"), "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +sbwt none +A 1 -kernel inet_dist_use_interface {127,0,0,1}",
	}, "/usr/lib/rabbitmq/bin/rabbitmq-server")
	listening(t, port)
	return p
}

// channel opens one when the broker is ready.
func channel(t *testing.T, port string) *amqp.Channel {
	t.Helper()
	var c *amqp.Channel
	await(t, "connect to RabbitMQ", func(context.Context) error {
		conn, err := amqp.Dial("amqp://guest:guest@127.0.0.1:" + port + "/")
		if err != nil {
			return err
		}
		t.Cleanup(func() { conn.Close() })
		c, err = conn.Channel()
		return err
	})
	return c
}

func consume(t *testing.T, c *amqp.Channel, r *receiver) {
	t.Helper()
	deliveries, err := c.Consume("events", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for d := range deliveries {
			if d.ContentType != "application/json" || d.DeliveryMode != amqp.Persistent || d.MessageId == "" {
				t.Errorf("got a message with %+v", d)
			}
			r.bodies <- d.Body
		}
	}()
}

func TestAMQP(t *testing.T) {
	find(t, "rabbitmq-server")
	dir, port, epmd := t.TempDir(), freePort(t), freePort(t)
	for name, text := range map[string]string{"plugins": "[].\n", "rabbitmq.conf": "vm_memory_high_watermark.absolute = 256MB\ndisk_free_limit.absolute = 1MB\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, []string{"HOME=" + dir}, "epmd", "-address", "127.0.0.1", "-port", epmd) // else the node leaves one behind
	listening(t, epmd)
	broker := rabbit(t, dir, port, epmd)
	c := channel(t, port)
	if err := c.ExchangeDeclare("inro", "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.QueueDeclare("events", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t)
	consume(t, c, r)
	server := start(t, fmt.Sprintf("type = \"amqp\"\nurl = \"amqp://127.0.0.1:%s\"\nexchange = \"inro\"\nrouting_key = \"s3\"\nusername = \"guest\"\npassword_file = %q", port, secret(t, "guest")))
	// No queue is bound yet: a message must not be lost in the exchange.
	await(t, "an attempt that fails", func(context.Context) error {
		if text := metrics(t, server); !failed(text) {
			return fmt.Errorf("no failure in\n%s", text)
		}
		return nil
	})
	if err := c.QueueBind("events", "s3", "inro", false, nil); err != nil {
		t.Fatal(err)
	}
	if got := r.next(); !got.test {
		t.Errorf("got %+v, want the test event", got)
	}
	r.wantUpload(server)
	r.outage(server, broker.stop, func() {
		rabbit(t, dir, port, epmd)
		consume(t, channel(t, port), r)
	})
}

// failed reports whether the metrics tell of an attempt that failed.
func failed(text string) bool {
	var n int
	for line := range strings.Lines(text) {
		fmt.Sscanf(line, `inro_event_delivery_failures_total{target="q"} %d`, &n)
	}
	return n > 0
}
