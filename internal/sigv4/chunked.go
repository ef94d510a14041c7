package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strings"
)

// An aws-chunked body (S3 API Reference, "Transferring Payload in Multiple
// Chunks" and "Including Trailing Headers") is, without spaces and with \r\n
// for every line break shown:
//
//	size-in-hex ;chunk-signature= hex        signed; size is 1 or more
//	data
//	…                                        as many as the payload needs
//	0 ;chunk-signature= hex
//	name:value                               with -TRAILER, each announced one
//	x-amz-trailer-signature:hex              signed with -TRAILER
//	                                         empty line, and nothing after it
//
// Without signatures a chunk line is the size alone. A trailer line may also
// end in \n\r\n, as the reference draws it and minio-go sends it.
//
// Chunk sizes are bounded by what is left of x-amz-decoded-content-length
// only, since some SDKs send the whole payload as one unsigned chunk; S3's
// least size of 8 KiB is not enforced. Memory does not grow with the size.

// Bounds on the framing.
const (
	maxLineBytes     = 512 // of a chunk or trailer line, \r\n included
	maxTrailers      = 8
	maxSizeDigits    = 16
	minBufferBytes   = 2 * maxLineBytes
	maxBufferBytes   = 16 << 10
	trailerSignature = "x-amz-trailer-signature"
	chunkSignature   = ";chunk-signature="
)

// chunkedBody decodes an aws-chunked body.
type chunkedBody struct {
	src       *bufio.Reader
	signer    *chunkSigner // nil if chunks are not signed
	digest    hash.Hash    // of the chunk's data, if signed
	signature [2 * sha256.Size]byte
	chunkLeft int64    // bytes to come of the chunk
	left      int64    // bytes to come of the payload
	announced []string // trailers to come
	got       map[string]string
}

func newChunkedBody(r *http.Request, content string, signer *chunkSigner) (*Body, error) {
	decoded, err := single(r, "X-Amz-Decoded-Content-Length")
	if err != nil {
		return nil, err
	}
	length, ok := parseLength(decoded)
	if !ok {
		return nil, refuse(KindMissingDecodedLength, "You must provide the x-amz-decoded-content-length HTTP header.")
	}
	c := &chunkedBody{signer: signer, left: length}
	if c.announced, err = announcedTrailers(r, content != StreamingSigned); err != nil {
		return nil, err
	}
	if signer != nil {
		c.digest = sha256.New()
	}
	size := maxBufferBytes
	if r.ContentLength >= 0 {
		size = int(min(r.ContentLength, maxBufferBytes))
	}
	c.src = bufio.NewReaderSize(requestBody(r), max(size, minBufferBytes))
	return &Body{payload: c, length: length}, nil
}

// announcedTrailers reads x-amz-trailer, which is required if and only if the
// payload has a trailer.
func announcedTrailers(r *http.Request, required bool) ([]string, error) {
	value, err := single(r, "X-Amz-Trailer")
	if err != nil {
		return nil, err
	}
	if !required {
		if value != "" {
			return nil, refuse(KindInvalidRequest, "x-amz-trailer needs an x-amz-content-sha256 that ends in -TRAILER.")
		}
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.ToLower(trim(name))
		if !validHeaderName(name) || name == trailerSignature || len(names) == maxTrailers || contains(names, name) {
			return nil, refuse(KindInvalidRequest, "x-amz-trailer must list the trailing headers, each once.")
		}
		names = append(names, name)
	}
	return names, nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func (c *chunkedBody) trailers() map[string]string { return c.got }

func (c *chunkedBody) Read(p []byte) (int, error) {
	if c.left == 0 { // only for an empty payload: else the last Read finished
		return 0, c.finish()
	}
	if c.chunkLeft == 0 {
		if err := c.startChunk(); err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > c.chunkLeft {
		p = p[:c.chunkLeft]
	}
	n, err := c.src.Read(p)
	// io.EOF beside bytes comes again with the next read.
	if err != nil && (n == 0 || err != io.EOF) {
		return 0, incomplete(err)
	}
	if c.digest != nil {
		c.digest.Write(p[:n])
	}
	c.chunkLeft -= int64(n)
	c.left -= int64(n)
	if c.chunkLeft > 0 {
		return n, nil
	}
	if err := c.endChunk(); err != nil {
		return 0, err
	}
	if c.left > 0 {
		return n, nil
	}
	return n, c.finish()
}

// startChunk reads the line before a chunk's data.
func (c *chunkedBody) startChunk() error {
	size, err := c.readChunkLine()
	switch {
	case err != nil:
		return err
	case size == 0:
		return refuse(KindIncompleteBody, "The chunks end before x-amz-decoded-content-length bytes.")
	case size > uint64(c.left):
		return refuse(KindIncompleteBody, "The chunks hold more than x-amz-decoded-content-length bytes.")
	}
	c.chunkLeft = int64(size)
	return nil
}

// endChunk reads the line break after a chunk's data and checks its signature.
func (c *chunkedBody) endChunk() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	if string(line) != "\r\n" {
		return refuse(KindMalformedChunk, "A chunk's data must be followed by a line break.")
	}
	return c.checkChunk()
}

func (c *chunkedBody) checkChunk() error {
	if c.signer == nil {
		return nil
	}
	var sum [sha256.Size]byte
	c.digest.Sum(sum[:0])
	c.digest.Reset()
	return c.check(c.signer.chunk(&sum))
}

// check compares the signature just read with the one it should be.
func (c *chunkedBody) check(want string) error {
	if subtle.ConstantTimeCompare([]byte(want), c.signature[:]) != 1 {
		return &Error{Kind: KindSignatureMismatch,
			Message: "The signature of a chunk or of the trailer does not match the signature you provided.",
			Detail:  Detail{SignatureProvided: string(c.signature[:])}}
	}
	return nil
}

// finish reads what follows the payload. It returns io.EOF if all of it holds.
func (c *chunkedBody) finish() error {
	size, err := c.readChunkLine()
	if err != nil {
		return err
	}
	if size != 0 {
		return refuse(KindIncompleteBody, "The chunks hold more than x-amz-decoded-content-length bytes.")
	}
	if err := c.checkChunk(); err != nil {
		return err
	}
	if len(c.announced) > 0 {
		err = c.readTrailers()
	} else {
		err = c.readEmptyLine()
	}
	if err != nil {
		return err
	}
	if err := expectEOF(c.src); err != nil {
		return err
	}
	return io.EOF
}

func (c *chunkedBody) readEmptyLine() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	if string(line) != "\r\n" {
		return refuse(KindMalformedChunk, "The last chunk must be followed by an empty line.")
	}
	return nil
}

// readChunkLine reads a chunk's size and keeps its signature.
func (c *chunkedBody) readChunkLine() (uint64, error) {
	line, err := c.readLine()
	if err != nil {
		return 0, err
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return 0, malformedChunkLine()
	}
	if c.signer != nil {
		signature := line[max(0, len(line)-len(c.signature)):]
		if line, ok = bytes.CutSuffix(line[:len(line)-len(signature)], []byte(chunkSignature)); !ok || !validHexSHA256(string(signature)) {
			return 0, malformedChunkLine()
		}
		copy(c.signature[:], signature)
	}
	if len(line) == 0 || len(line) > maxSizeDigits {
		return 0, malformedChunkLine()
	}
	var size uint64
	for _, digit := range line {
		v := hexValue(digit)
		if v > 15 {
			return 0, malformedChunkLine()
		}
		size = size<<4 | uint64(v)
	}
	return size, nil
}

func malformedChunkLine() error {
	return refuse(KindMalformedChunk, "A chunk must begin with its size in hex and, if signed, its signature.")
}

// readLine returns a line with its line break. It is valid until the next
// read.
func (c *chunkedBody) readLine() ([]byte, error) {
	line, err := c.src.ReadSlice('\n')
	switch {
	case len(line) > maxLineBytes:
		return nil, refuse(KindMalformedChunk, "A line of the chunked body is too long.")
	case err != nil:
		return nil, incomplete(err)
	}
	return line, nil
}

// readTrailers reads the trailing headers and the empty line that ends them.
func (c *chunkedBody) readTrailers() error {
	var signed []byte // canonical form of the trailer
	got := make(map[string]string, len(c.announced))
	bare := false // the line before ended in \n: "\r\n" still belongs to it
	signatures := 0
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if string(line) == "\r\n" {
			if bare {
				bare = false
				continue
			}
			break
		}
		line = line[:len(line)-1]
		bare = !bytes.HasSuffix(line, []byte("\r"))
		name, value, err := parseTrailer(line)
		if err != nil {
			return err
		}
		switch _, twice := got[name]; {
		case signatures > 0:
			return malformedTrailer("The trailer's signature must come last.")
		case name == trailerSignature && c.signer != nil:
			if !validHexSHA256(value) {
				return malformedTrailer("The trailer's signature must be 64 lower-case hex digits.")
			}
			copy(c.signature[:], value)
			signatures++
		case twice || !contains(c.announced, name):
			return malformedTrailer("The trailer holds a header twice or one that x-amz-trailer does not announce.")
		default:
			got[name] = value
			signed = append(append(append(append(signed, name...), ':'), value...), '\n')
		}
	}
	if len(got) != len(c.announced) {
		return malformedTrailer("The trailer lacks a header that x-amz-trailer announces.")
	}
	c.got = got
	if c.signer == nil {
		return nil
	}
	if signatures == 0 {
		return malformedTrailer("The trailer lacks its signature.")
	}
	return c.check(c.signer.trailer(signed))
}

func malformedTrailer(message string) error { return refuse(KindMalformedTrailer, message) }

// parseTrailer splits a trailer line without its \n.
func parseTrailer(line []byte) (name, value string, err error) {
	name, value, ok := strings.Cut(strings.TrimSuffix(string(line), "\r"), ":")
	name, value = strings.ToLower(name), trim(value)
	if !ok || !validHeaderName(name) {
		return "", "", malformedTrailer("The request contained trailing data that was not well-formed.")
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return "", "", malformedTrailer("The request contained trailing data that was not well-formed.")
		}
	}
	return name, value, nil
}

// chunkSigner signs the chunks of one body, each chained to the one before
// and the first to the request.
type chunkSigner struct {
	key         signingKey
	date, scope string
	previous    string // signature, in hex
}

// chunk returns the signature of the next chunk, whose data hash to sum.
func (s *chunkSigner) chunk(sum *[sha256.Size]byte) string {
	b := s.begin("AWS4-HMAC-SHA256-PAYLOAD\n")
	b = append(b, EmptySHA256...)
	b = append(b, '\n')
	return s.sign(hex.AppendEncode(b, sum[:]))
}

// trailer returns the signature of the trailer, its lines "name:value\n".
func (s *chunkSigner) trailer(lines []byte) string {
	sum := sha256.Sum256(lines)
	return s.sign(hex.AppendEncode(s.begin("AWS4-HMAC-SHA256-TRAILER\n"), sum[:]))
}

func (s *chunkSigner) begin(kind string) []byte {
	b := append(make([]byte, 0, 512), kind...)
	for _, part := range [...]string{s.date, s.scope, s.previous} {
		b = append(append(b, part...), '\n')
	}
	return b
}

func (s *chunkSigner) sign(stringToSign []byte) string {
	sum := s.key.mac(stringToSign)
	s.previous = hex.EncodeToString(sum[:])
	return s.previous
}
