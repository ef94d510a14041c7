package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Streaming describes an aws-chunked body to be sent.
type Streaming struct {
	Unsigned      bool  // chunks without signatures; needs a Trailer
	ChunkBytes    int   // size of each chunk but the last; 0 means 64 KiB
	DecodedLength int64 // length of the payload; required
	// Trailer is the name of the trailing header, such as
	// "x-amz-checksum-crc32", whose value is Checksum over the payload in
	// base64. "" sends none.
	Trailer  string
	Checksum hash.Hash
}

const defaultChunkBytes = 64 << 10

// content returns the value of x-amz-content-sha256.
func (o *Streaming) content() string {
	switch {
	case o.Unsigned:
		return StreamingUnsignedTrailer
	case o.Trailer != "":
		return StreamingSignedTrailer
	}
	return StreamingSigned
}

// SignStreaming signs r for S3 and makes payload, framed as aws-chunked, its
// body. Reading that body fails if payload does not have DecodedLength bytes.
func SignStreaming(r *http.Request, payload io.Reader, c Credentials, s Scope, t time.Time, o Streaming) error {
	if o.ChunkBytes == 0 {
		o.ChunkBytes = defaultChunkBytes
	}
	o.Trailer = strings.ToLower(o.Trailer)
	switch {
	case o.DecodedLength < 0 || o.ChunkBytes < 0:
		return errors.New("sigv4: negative length of a streamed payload or chunk")
	case o.Unsigned && o.Trailer == "":
		return errors.New("sigv4: unsigned chunks without a trailer")
	case o.Trailer != "" && o.Checksum == nil:
		return errors.New("sigv4: trailer without a checksum")
	case s.Service != serviceS3:
		return fmt.Errorf("sigv4: streaming to service %q", s.Service)
	}
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	coding := awsChunked
	if own := StripAWSChunked(strings.Join(r.Header.Values("Content-Encoding"), ",")); own != "" {
		coding += "," + own
	}
	r.Header.Set("Content-Encoding", coding)
	r.Header.Set("X-Amz-Decoded-Content-Length", strconv.FormatInt(o.DecodedLength, 10))
	r.Header.Del("X-Amz-Trailer")
	if o.Trailer != "" {
		r.Header.Set("X-Amz-Trailer", o.Trailer)
	}
	r.ContentLength = o.encodedLength()
	signer, err := sign(r, c, s, t, o.content())
	if err != nil {
		return err
	}
	if o.Unsigned {
		signer = nil
	}
	r.Body = &chunkEncoder{src: payload, signer: signer, o: o, left: o.DecodedLength}
	return nil
}

// encodedLength returns the length of the framed body.
func (o *Streaming) encodedLength() int64 {
	chunk := int64(o.ChunkBytes)
	n := o.DecodedLength / chunk * o.chunkLength(chunk)
	if rest := o.DecodedLength % chunk; rest > 0 {
		n += o.chunkLength(rest)
	}
	n += o.chunkLength(0) // its line break after the data ends the body instead
	if o.Trailer != "" {
		n += int64(len(o.Trailer) + len(":\r\n") + base64.StdEncoding.EncodedLen(o.Checksum.Size()))
		if !o.Unsigned {
			n += int64(len(trailerSignature) + len(":\r\n") + 2*sha256.Size)
		}
	}
	return n
}

func (o *Streaming) chunkLength(size int64) int64 {
	n := int64(len(strconv.FormatInt(size, 16))) + size + 2*int64(len("\r\n"))
	if !o.Unsigned {
		n += int64(len(chunkSignature)) + 2*sha256.Size
	}
	return n
}

// chunkEncoder frames a payload as it is read, a chunk at a time.
type chunkEncoder struct {
	src    io.Reader
	signer *chunkSigner // nil for unsigned chunks
	o      Streaming
	left   int64  // bytes of the payload to come
	frame  []byte // the chunk being sent
	out    []byte // what of frame is not yet read
	ended  bool
	err    error
}

// Read implements io.Reader.
func (e *chunkEncoder) Read(p []byte) (int, error) {
	for len(e.out) == 0 {
		if e.err == nil && e.ended {
			e.err = io.EOF
		}
		if e.err == nil {
			e.err = e.fill()
		}
		if e.err != nil {
			return 0, e.err
		}
	}
	n := copy(p, e.out)
	e.out = e.out[n:]
	return n, nil
}

// Close closes the payload if it can be closed.
func (e *chunkEncoder) Close() error {
	if c, ok := e.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// fill frames the next chunk: the size, room for the signature, the data read
// in place, then the signature.
func (e *chunkEncoder) fill() error {
	size := min(int64(e.o.ChunkBytes), e.left)
	if e.frame == nil {
		e.frame = make([]byte, 0, e.o.chunkLength(size)+512)
	}
	frame := strconv.AppendInt(e.frame[:0], size, 16)
	if e.signer != nil {
		frame = append(append(frame, chunkSignature...), EmptySHA256...)
	}
	signed := len(frame)
	frame = append(frame, "\r\n"...)
	data := frame[len(frame) : len(frame)+int(size)]
	if _, err := io.ReadFull(e.src, data); err != nil {
		return fmt.Errorf("sigv4: read the payload to be signed: %w", err)
	}
	e.left -= size
	frame = frame[:len(frame)+len(data)]
	if e.o.Checksum != nil {
		e.o.Checksum.Write(data)
	}
	if e.signer != nil {
		sum := sha256.Sum256(data)
		copy(frame[signed-2*sha256.Size:], e.signer.chunk(&sum))
	}
	if size == 0 {
		if err := expectEOF(e.src); err != nil {
			return fmt.Errorf("sigv4: read the payload to be signed: %w", err)
		}
		e.ended = true
		frame = e.appendTrailer(frame)
	}
	e.frame = append(frame, "\r\n"...)
	e.out = e.frame
	return nil
}

func (e *chunkEncoder) appendTrailer(frame []byte) []byte {
	if e.o.Trailer == "" {
		return frame
	}
	line := e.o.Trailer + ":" + trailerValue(e.o.Checksum)
	frame = append(append(frame, line...), "\r\n"...)
	if e.signer != nil {
		frame = append(append(frame, trailerSignature+":"...), e.signer.trailer([]byte(line+"\n"))...)
		frame = append(frame, "\r\n"...)
	}
	return frame
}

// trailerValue returns the value of a checksum in a trailer.
func trailerValue(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }
