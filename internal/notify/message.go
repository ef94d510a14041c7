package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Message is one message of a queue.
type Message struct {
	// Sequence orders the messages of a queue and names one.
	Sequence uint64
	Body     []byte
}

// ID is the same at each delivery of a message, so that a receiver can tell
// one that came twice: 32 hexadecimal characters, made from the body. Bodies
// that are equal byte for byte count as one message; records of S3 never are.
func (m *Message) ID() string {
	sum := sha256.Sum256(m.Body)
	return hex.EncodeToString(sum[:16])
}

// QueueStats is the state of a queue.
type QueueStats struct {
	// Length is the number of messages in it.
	Length int
	// Dropped counts those that found it full, since the start of the process.
	Dropped uint64
}

// Outbox holds the queues. It must be safe for concurrent use.
type Outbox interface {
	// Messages returns up to limit messages of a queue with a sequence greater
	// than after, in order.
	Messages(ctx context.Context, queue string, after uint64, limit int) ([]Message, error)
	// Acknowledge removes messages for good, durable on return.
	Acknowledge(ctx context.Context, queue string, sequences []uint64) error
	// QueueChanged returns a channel that is closed when the next message
	// enters the queue.
	QueueChanged(queue string) <-chan struct{}
	// QueueStats returns the state of a queue.
	QueueStats(queue string) QueueStats
}
