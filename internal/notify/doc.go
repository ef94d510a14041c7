// Package notify delivers event messages to the targets that the operator
// declared: webhooks, MQTT, NATS and AMQP brokers.
//
//	outbox ─▶ one goroutine per target ─▶ open ─▶ send ─▶ confirmed ─▶ acknowledge
//
// An [Outbox] holds a queue for each target, named like the target; it is
// durable, bounded, and counts what it had to drop. A [Dispatcher] reads each
// queue in order and removes a message when its target has confirmed it:
//
//	webhook   an answer with a status from 200 to 299
//	mqtt      PUBACK (QoS 1) without a reason code of failure, MQTT 5
//	nats      JetStream's acknowledgement, or in core NATS the PONG that follows the messages
//	amqp      publisher confirm of a message that at least one queue took
//
// So every message is delivered at least once. One that was confirmed just
// before a crash is delivered again: [Message.ID] is the same each time.
// Messages of a target are sent in the order of the queue. A failed one is
// sent again, with those after it, after a pause that doubles up to half a
// minute; those after it that the target had taken already come again.
//
// Whoever fills the outbox never waits for a target. Secrets come from files,
// which are read again whenever a target is opened, so that they can be
// changed without a restart. What a target answers is read within bounds and
// never logged.
//
// The package knows nothing of S3: bodies are opaque, but for webhooks that
// take several records in one request (see [Target.Batch]). A Dispatcher is
// safe for concurrent use.
package notify
