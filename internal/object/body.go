package object

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// bodyOptions say what to expect of a body.
type bodyOptions struct {
	sizeBytes  int64
	contentMD5 []byte
	checksums  []Algorithm
	verify     func(Digests) error
	encryption *Encryption
}

// receivedBody is a body that has been read to its end. An inline body is in
// memory, a larger one in a durable segment file.
type receivedBody struct {
	Digests
	etag   [16]byte // what the ETag is made of
	inline []byte
	ref    ref // embedded also stands for a body row still to be named

	engine *Engine
	buffer *[]byte // backs inline
	file   *segmentWriter

	encryption *Encryption
	seal       *sealWriter // writes to file
	sealBuffer *[]byte
}

// release ends the use of the body. Unless it was committed, its file is
// removed; with an unknown outcome nothing may be touched.
func (b *receivedBody) release(settled bool, err error) {
	if b.file != nil {
		defer b.engine.openFiles.Add(-1)
	}
	if !settled {
		return
	}
	if b.file != nil && err != nil && b.file.abandon() != nil {
		b.engine.leftovers.Store(true) // swept after the next start
	}
	if b.buffer != nil {
		b.engine.buffers.put(b.buffer)
		b.buffer, b.inline = nil, nil
	}
	if b.sealBuffer != nil {
		b.engine.buffers.put(b.sealBuffer)
		b.sealBuffer = nil
	}
}

// receive reads a body to its end, computes its digests and checks them. A body
// of more than Config.InlineMaxBytes is written to a segment file, which is
// durable but referenced by nothing on return.
func (e *Engine) receive(ctx context.Context, body io.Reader, opts bodyOptions) (*receivedBody, error) {
	if opts.sizeBytes > e.cfg.MaxBodyBytes {
		return nil, ErrBodyTooLarge
	}
	digester, err := newDigester(opts.checksums)
	if err != nil {
		return nil, err
	}
	// A byte more than fits, to see that the body ends there.
	want := streamBufferBytes
	if 0 <= opts.sizeBytes && opts.sizeBytes <= int64(e.cfg.InlineMaxBytes) {
		want = int(opts.sizeBytes) + 1
	}
	b := &receivedBody{engine: e, buffer: e.buffers.get(want), encryption: opts.encryption}
	err = b.fill(ctx, body, digester, opts)
	if err == nil {
		err = b.check(opts)
	}
	if err != nil {
		b.release(true, err)
		return nil, err
	}
	b.etag = opts.encryption.etag(b.MD5)
	return b, nil
}

// fill reads the body into the buffer, and on into a file when it is too large.
func (b *receivedBody) fill(ctx context.Context, body io.Reader, digester *digester, opts bodyOptions) error {
	e, buffer := b.engine, *b.buffer
	for {
		n, err := readFull(body, buffer)
		ended := err == io.EOF
		if err != nil && !ended {
			return fmt.Errorf("read body: %w", err)
		}
		digester.write(buffer[:n])
		switch {
		case opts.sizeBytes >= 0 && digester.size > opts.sizeBytes:
			return ErrExcessBody
		case digester.size > e.cfg.MaxBodyBytes:
			return ErrBodyTooLarge
		case ended && opts.sizeBytes >= 0 && digester.size < opts.sizeBytes:
			return fmt.Errorf("%w: %d bytes of %d", ErrIncompleteBody, digester.size, opts.sizeBytes)
		case ended && b.file == nil && n <= e.cfg.InlineMaxBytes:
			b.inline = buffer[:n]
			b.Digests = digester.digests()
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.spill(buffer[:n]); err != nil {
			return err
		}
		if ended {
			b.Digests = digester.digests()
			return e.writeError(b.finish())
		}
	}
}

// spill writes p to the body's file.
func (b *receivedBody) spill(p []byte) error {
	e := b.engine
	if err := e.space.check(int64(len(p))); err != nil {
		return err
	}
	e.space.take(int64(len(p)))
	if b.file == nil {
		i, err := e.newID()
		if err != nil {
			return err
		}
		e.openFiles.Add(1)
		if e.closing.Load() {
			e.openFiles.Add(-1)
			return ErrClosed
		}
		if b.file, err = e.segments.create(i); err != nil {
			e.openFiles.Add(-1)
			return e.writeError(err)
		}
		b.ref = ref{where: inFile, id: i}
		if err := b.startSeal(); err != nil {
			return err
		}
	}
	if b.seal != nil {
		_, err := b.seal.Write(p)
		return e.writeError(err)
	}
	return e.writeError(b.file.write(p))
}

// startSeal makes the file's bytes sealed ones, if they are to be.
func (b *receivedBody) startSeal() error {
	if b.encryption == nil {
		return nil
	}
	key, err := deriveSegmentKey(b.encryption.Key, b.ref.id)
	if err != nil {
		return err
	}
	b.sealBuffer = b.engine.buffers.get(streamBufferBytes)
	b.seal, err = newSealWriter(key, (*fileOf)(b), *b.sealBuffer)
	return err
}

// fileOf writes to a body's file.
type fileOf receivedBody

// Write implements io.Writer.
func (f *fileOf) Write(p []byte) (int, error) {
	if err := f.file.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// finish makes the file durable.
func (b *receivedBody) finish() error {
	if b.seal != nil {
		if err := b.seal.Close(); err != nil {
			return err
		}
	}
	return b.file.finish()
}

// writeError makes of an error of a segment file what the caller is told. A
// failed sync is final, since the system may have dropped what it could not
// write; one for want of space concerns only the file, which is given up.
func (e *Engine) writeError(err error) error {
	var failed *syncError
	switch {
	case err == nil:
		return nil
	case isNoSpace(err):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case errors.Is(err, ErrClosed):
		return err
	case errors.As(err, &failed):
		e.fail(err)
		return e.health.err()
	}
	return err
}

// check compares the body with what was expected.
func (b *receivedBody) check(opts bodyOptions) error {
	if opts.contentMD5 != nil && !bytes.Equal(opts.contentMD5, b.MD5[:]) {
		return fmt.Errorf("Content-MD5: %w", ErrDigestMismatch)
	}
	if opts.verify != nil {
		return opts.verify(b.Digests)
	}
	return nil
}

// etag returns what the ETag of a body is made of: its MD5, or bytes that tell
// nothing of it to whoever does not have the key.
func (enc *Encryption) etag(md5 [16]byte) [16]byte {
	if enc == nil || !enc.OpaqueETag {
		return md5
	}
	mac := hmac.New(sha256.New, enc.Key[:])
	mac.Write([]byte("inro etag"))
	mac.Write(md5[:])
	return [16]byte(mac.Sum(nil))
}

// embedded returns the bytes to be kept behind the version's header.
func (b *receivedBody) embedded() []byte {
	if b.ref.where == embedded {
		return b.inline
	}
	return nil
}

// readFull fills p. It returns io.EOF when the body ended, with what there was.
func readFull(r io.Reader, p []byte) (n int, err error) {
	empty := 0
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// admit refuses a write that cannot be made.
func (e *Engine) admit(ctx context.Context, sizeBytes int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.health.err(); err != nil {
		return err
	}
	return e.space.check(max(sizeBytes, 0))
}

// write records the body of a version or a part in the transaction, in its place:
// a row, a file, or nowhere if it is embedded.
func (b *receivedBody) write(tx *transaction) {
	switch b.ref.where {
	case inRow:
		tx.setUnread(idKey(kindBody, b.ref.id), b.inline)
	case inFile:
		tx.setUnread(idKey(kindFile, b.ref.id), []byte{1})
	}
}

// place decides where an inline body goes: embedded up to limit bytes, else in a
// row. It is sealed now, if it is to be.
func (b *receivedBody) place(limit int) error {
	if b.ref.where == inFile {
		return nil
	}
	if len(b.inline) > limit {
		i, err := b.engine.newID()
		if err != nil {
			return err
		}
		b.ref = ref{where: inRow, id: i}
	}
	if b.encryption == nil {
		return nil
	}
	key, err := deriveSegmentKey(b.encryption.Key, b.ref.id)
	if err != nil {
		return err
	}
	buffer := b.engine.buffers.get(int(sealedSize(int64(len(b.inline)))))
	sealed, err := sealBody(key, (*buffer)[:0], b.inline)
	if err != nil {
		b.engine.buffers.put(buffer)
		return err
	}
	b.engine.buffers.put(b.buffer)
	b.buffer, b.inline = buffer, sealed
	return nil
}
