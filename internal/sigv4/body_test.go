package sigv4

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// streamed signs an upload of payload in chunks and returns it with its body
// as it goes over the wire.
func streamed(t testing.TB, payload string, o Streaming) (*http.Request, []byte) {
	t.Helper()
	o.DecodedLength = int64(len(payload))
	if o.Trailer != "" {
		o.Checksum = crc32.NewIEEE()
	}
	r := httptest.NewRequest("PUT", "/bucket/key", nil)
	if err := SignStreaming(r, strings.NewReader(payload), testCredentials, testScope, exampleTime, o); err != nil {
		t.Fatal(err)
	}
	wire, err := io.ReadAll(r.Body)
	if err != nil || int64(len(wire)) != r.ContentLength {
		t.Fatalf("encoded %d bytes, error %v; announced %d", len(wire), err, r.ContentLength)
	}
	return r, wire
}

// open verifies r and returns its body, which reads from src.
func open(t testing.TB, r *http.Request, src io.Reader) (*Body, error) {
	t.Helper()
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	v, err := a.Verify(r, VerifyOptions{Secret: exampleSecret, Now: exampleTime})
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(src)
	return v.Body(r)
}

var streamings = map[string]Streaming{
	"signed":           {ChunkBytes: 1000},
	"signed trailer":   {ChunkBytes: 1000, Trailer: "x-amz-checksum-crc32"},
	"unsigned trailer": {ChunkBytes: 1000, Trailer: "x-amz-checksum-crc32", Unsigned: true},
}

func TestStreamedBodyRoundTrip(t *testing.T) {
	readers := map[string]func(io.Reader) io.Reader{
		"as it is":     func(r io.Reader) io.Reader { return r },
		"by the byte":  iotest.OneByteReader,
		"by half":      iotest.HalfReader,
		"EOF and data": iotest.DataErrReader,
	}
	for mode, o := range streamings {
		for _, size := range []int{0, 1, 999, 1000, 1001, 2000, 70000} {
			payload := strings.Repeat("0123456789", size/10+1)[:size]
			r, wire := streamed(t, payload, o)
			for reading, wrap := range readers {
				b, err := open(t, r, wrap(bytes.NewReader(wire)))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(b)
				if string(got) != payload || err != nil || !b.Complete() {
					t.Errorf("%s, %d bytes, %s: got %d bytes, error %v, complete %v", mode, size, reading, len(got), err, b.Complete())
				}
				if o.Trailer != "" && len(b.Trailers()[o.Trailer]) != 8 {
					t.Errorf("%s, %d bytes: trailers %v, want a checksum", mode, size, b.Trailers())
				}
			}
		}
	}
}

// A consumer that reads just the announced bytes must learn of a bad end.
func TestLastByteIsHandedOutOnlyWhenAllIsVerified(t *testing.T) {
	payload := strings.Repeat("x", 1500)
	for mode, o := range streamings {
		r, wire := streamed(t, payload, o)
		for _, bad := range [][]byte{wire[:len(wire)-1], append(bytes.Clone(wire), 'x'), bytes.Replace(wire, []byte("\r\n0"), []byte("\r\n1"), 1)} {
			b, err := open(t, r, bytes.NewReader(bad))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.ReadFull(b, make([]byte, len(payload))); err == nil || n == len(payload) || b.Complete() {
				t.Errorf("%s: read %d bytes, error %v, complete %v; want fewer than %d with an error", mode, n, err, b.Complete(), len(payload))
			}
			if b.Trailers() != nil {
				t.Errorf("%s: trailers %v of a body that is not complete", mode, b.Trailers())
			}
			if _, err := b.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("%s: Read after an error: got %v, want the error again", mode, err)
			}
		}
		b, err := open(t, r, bytes.NewReader(wire))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(b, make([]byte, len(payload))); err != nil || !b.Complete() {
			t.Errorf("%s: error %v, complete %v; want nil, true", mode, err, b.Complete())
		}
	}
}

func TestBrokenStreamedBodyIsRefused(t *testing.T) {
	const signature = ";chunk-signature="
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				panic("the body does not contain " + old)
			}
			return bytes.Replace(b, []byte(old), []byte(new), 1)
		}
	}
	swapped := func(b []byte) []byte {
		// Both chunks hold 1,000 bytes: swap the second with the first.
		size := bytes.Index(b, []byte("\r\n3e8;")) + 2
		return append(append(bytes.Clone(b[size:2*size]), b[:size]...), b[2*size:]...)
	}
	repeated := func(b []byte) []byte {
		size := bytes.Index(b, []byte("\r\n3e8;")) + 2
		return append(bytes.Clone(b[:size]), append(bytes.Clone(b[:size]), b[2*size:]...)...)
	}
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }
	tests := []struct {
		name, mode string
		change     func([]byte) []byte
		want       Kind
	}{
		{"byte of the payload", "signed", replace("01234", "01235"), KindSignatureMismatch},
		{"byte of the last chunk", "signed", replace("567890123\r\n0;", "567890124\r\n0;"), KindSignatureMismatch},
		{"chunk signature", "signed", func(b []byte) []byte { return flipHex(b, len("3e8")+len(signature)) }, KindSignatureMismatch},
		{"chunks swapped", "signed", swapped, KindSignatureMismatch},
		{"chunk repeated", "signed", repeated, KindSignatureMismatch},
		{"chunk split", "signed", func(b []byte) []byte {
			head := string(b[:len("3e8")+len(signature)+64])
			return append([]byte("1"+head[3:]+"\r\n0\r\n3e7"+head[3:]+"\r\n"), b[len(head)+3:]...)
		}, KindSignatureMismatch},
		{"last chunk's signature", "signed", func(b []byte) []byte { return flipHex(b, len(b)-6) }, KindSignatureMismatch},
		{"signature in upper case", "signed", func(b []byte) []byte { copy(b[len("3e8")+len(signature):], strings.Repeat("A", 64)); return b }, KindMalformedChunk},
		{"signature missing", "signed", func(b []byte) []byte { return append([]byte("3e8"), b[len("3e8")+len(signature)+64:]...) }, KindMalformedChunk},
		{"extension", "signed", replace(";chunk-signature=", ";x=y;chunk-signature="), KindMalformedChunk},
		{"size empty", "signed", replace("3e8;", ";"), KindMalformedChunk},
		{"size not hex", "signed", replace("3e8;", "3g8;"), KindMalformedChunk},
		{"size with sign", "signed", replace("3e8;", "+3e8;"), KindMalformedChunk},
		{"size with prefix", "signed", replace("3e8;", "0x3e8;"), KindMalformedChunk},
		{"size of too many digits", "signed", replace("3e8;", "000000000000003e8;"), KindMalformedChunk},
		{"size overflows", "signed", replace("3e8;", "ffffffffffffffff;"), KindIncompleteBody},
		{"size too large", "signed", replace("3e8;", "fff;"), KindIncompleteBody},
		{"size too small", "signed", replace("3e8;", "3e7;"), KindMalformedChunk},
		{"size zero", "signed", replace("3e8;", "0;"), KindIncompleteBody},
		{"line too long", "signed", replace("3e8;", strings.Repeat("0", 600)+"3e8;"), KindMalformedChunk},
		{"bare line feed", "signed", replace("\r\n", "\n"), KindMalformedChunk},
		{"no line break after data", "signed", replace("9\r\n3e8;", "9xx3e8;"), KindMalformedChunk},
		{"without last chunk", "signed", cut(len("0;chunk-signature=") + 64 + 4), KindIncompleteBody},
		{"without last line break", "signed", cut(2), KindIncompleteBody},
		{"half a last line break", "signed", cut(1), KindIncompleteBody},
		{"trailer not announced", "signed", func(b []byte) []byte { return append(b[:len(b)-2], "x-amz-checksum-crc32:AAAAAA==\r\n\r\n"...) }, KindMalformedChunk},
		{"bytes after the end", "signed", func(b []byte) []byte { return append(b, 'x') }, KindIncompleteBody},
		{"empty", "signed", func([]byte) []byte { return nil }, KindIncompleteBody},

		{"trailer's value", "signed trailer", replace("crc32:", "crc32:A"), KindSignatureMismatch},
		{"trailer's name", "signed trailer", replace("checksum-crc32:", "checksum-crc33:"), KindMalformedTrailer},
		{"trailer removed", "signed trailer", func(b []byte) []byte {
			return append(b[:bytes.Index(b, []byte("x-amz-checksum"))], b[bytes.Index(b, []byte("x-amz-trailer-sig")):]...)
		}, KindMalformedTrailer},
		{"trailer twice", "signed trailer", replace("x-amz-checksum-crc32:", "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:"), KindMalformedTrailer},
		{"trailer's signature", "signed trailer", func(b []byte) []byte { return flipHex(b, len(b)-6) }, KindSignatureMismatch},
		{"trailer's signature missing", "signed trailer", func(b []byte) []byte {
			return append(b[:bytes.Index(b, []byte("x-amz-trailer-sig"))], "\r\n"...)
		}, KindMalformedTrailer},
		{"trailer's signature short", "signed trailer", func(b []byte) []byte { return append(b[:len(b)-5], "\r\n\r\n"...) }, KindMalformedTrailer},
		{"trailer's signature first", "signed trailer", func(b []byte) []byte {
			i, j := bytes.Index(b, []byte("x-amz-checksum")), bytes.Index(b, []byte("x-amz-trailer-sig"))
			line, rest := string(b[i:j]), string(b[j:len(b)-2])
			return append(b[:i], rest+line+"\r\n"...)
		}, KindMalformedTrailer},
		{"last chunk's signature before a trailer", "signed trailer", func(b []byte) []byte {
			return flipHex(b, bytes.Index(b, []byte("\r\nx-amz-checksum"))-1)
		}, KindSignatureMismatch},

		{"byte more", "unsigned trailer", replace("9\r\n3e8", "90\r\n3e8"), KindMalformedChunk},
		{"chunk signature unasked", "unsigned trailer", replace("3e8\r\n", "3e8;chunk-signature="+EmptySHA256+"\r\n"), KindMalformedChunk},
		{"trailer without colon", "unsigned trailer", replace("crc32:", "crc32;"), KindMalformedTrailer},
		{"trailer with control character", "unsigned trailer", replace("crc32:", "crc32:\x01"), KindMalformedTrailer},
		{"trailer's line too long", "unsigned trailer", replace("crc32:", "crc32:"+strings.Repeat("A", 600)), KindMalformedChunk},
		{"trailer's signature unasked", "unsigned trailer", replace("x-amz-checksum", "x-amz-trailer-signature:"+EmptySHA256+"\r\nx-amz-checksum"), KindMalformedTrailer},
		{"empty line too many", "unsigned trailer", func(b []byte) []byte { return append(b, "\r\n"...) }, KindIncompleteBody},
		{"without empty line", "unsigned trailer", cut(2), KindIncompleteBody},
	}
	payload := strings.Repeat("0123456789", 300)[:2994]
	for _, test := range tests {
		t.Run(test.mode+"/"+test.name, func(t *testing.T) {
			r, wire := streamed(t, payload, streamings[test.mode])
			for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, func(r io.Reader) io.Reader { return r }} {
				b, err := open(t, r, wrap(bytes.NewReader(test.change(bytes.Clone(wire)))))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(b)
				if kindOf(err) != test.want || b.Complete() || len(got) >= len(payload) {
					t.Errorf("read %d of %d bytes, complete %v, got %v, want kind %q", len(got), len(payload), b.Complete(), err, test.want)
				}
			}
		})
	}
}

// flipHex changes the hex digit at i to another one.
func flipHex(b []byte, i int) []byte {
	b[i] = "0123456789abcdef"[(hexValue(b[i])+1)%16]
	return b
}

// minio-go ends trailer lines in \n and puts \r\n behind them.
func TestTrailerLinesOfMinioGo(t *testing.T) {
	for mode, replacement := range map[string][2]string{
		"signed trailer":   {"\r\nx-amz-trailer-signature", "\n\r\nx-amz-trailer-signature"},
		"unsigned trailer": {"==\r\n\r\n", "==\n\r\n\r\n"},
	} {
		r, wire := streamed(t, "payload", streamings[mode])
		changed := bytes.Replace(wire, []byte(replacement[0]), []byte(replacement[1]), 1)
		b, err := open(t, r, bytes.NewReader(changed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b); string(got) != "payload" || err != nil || len(wire) == len(changed) {
			t.Errorf("%s: got %q, %v\nbody %q", mode, got, err, changed)
		}
	}
}

func TestStreamedBodyHeaders(t *testing.T) {
	tests := []struct {
		name, mode, header string
		values             []string
		want               Kind
	}{
		{"no decoded length", "signed", "X-Amz-Decoded-Content-Length", nil, KindMissingDecodedLength},
		{"negative decoded length", "signed", "X-Amz-Decoded-Content-Length", []string{"-1"}, KindMissingDecodedLength},
		{"decoded length with sign", "signed", "X-Amz-Decoded-Content-Length", []string{"+7"}, KindMissingDecodedLength},
		{"decoded length overflows", "signed", "X-Amz-Decoded-Content-Length", []string{"9223372036854775808"}, KindMissingDecodedLength},
		{"decoded length twice", "signed", "X-Amz-Decoded-Content-Length", []string{"7", "7"}, KindInvalidRequest},
		{"trailer in the wrong mode", "signed", "X-Amz-Trailer", []string{"x-amz-checksum-crc32"}, KindInvalidRequest},
		{"no trailer announced", "signed trailer", "X-Amz-Trailer", nil, KindInvalidRequest},
		{"empty trailer name", "signed trailer", "X-Amz-Trailer", []string{"x-amz-checksum-crc32,"}, KindInvalidRequest},
		{"trailer announced twice", "signed trailer", "X-Amz-Trailer", []string{"a,A"}, KindInvalidRequest},
		{"too many trailers", "signed trailer", "X-Amz-Trailer", []string{"a,b,c,d,e,f,g,h,i"}, KindInvalidRequest},
		{"signature announced as trailer", "signed trailer", "X-Amz-Trailer", []string{trailerSignature}, KindInvalidRequest},
		{"trailer header twice", "signed trailer", "X-Amz-Trailer", []string{"a", "b"}, KindInvalidRequest},
	}
	for _, test := range tests {
		o := streamings[test.mode]
		r, _ := streamed(t, "payload", o)
		r.Header.Del(test.header)
		for _, v := range test.values {
			r.Header.Add(test.header, v)
		}
		if err := Sign(r, testCredentials, testScope, exampleTime, o.content()); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, r, http.NoBody); kindOf(err) != test.want {
			t.Errorf("%s: got %v, want kind %q", test.name, err, test.want)
		}
	}
}

func TestHashedBody(t *testing.T) {
	hash := hexSHA256([]byte("payload"))
	tests := []struct {
		name, hash, body string
		length           int64
		want             Kind
	}{
		{"right", hash, "payload", 7, 0},
		{"right, length unknown", hash, "payload", -1, 0},
		{"empty", EmptySHA256, "", 0, 0},
		{"unsigned", UnsignedPayload, "anything", 8, 0},
		{"unsigned, length unknown", UnsignedPayload, "anything", -1, 0},
		{"other byte", hash, "paxload", 7, KindContentSHA256Mismatch},
		{"other byte, length unknown", hash, "paxload", -1, KindContentSHA256Mismatch},
		{"empty but announced", hash, "", 0, KindContentSHA256Mismatch},
		{"not empty", EmptySHA256, "x", 1, KindContentSHA256Mismatch},
		{"too short", hash, "payloa", 7, KindIncompleteBody},
		{"too long", hash, "payloadx", 7, KindIncompleteBody},
		{"unsigned too short", UnsignedPayload, "anything", 9, KindIncompleteBody},
		{"unsigned too long", UnsignedPayload, "anything", 7, KindIncompleteBody},
		{"longer than nothing", EmptySHA256, "x", 0, KindIncompleteBody},
	}
	for _, test := range tests {
		r := httptest.NewRequest("PUT", "/bucket/key", nil)
		r.ContentLength = test.length
		if err := Sign(r, testCredentials, testScope, exampleTime, test.hash); err != nil {
			t.Fatal(err)
		}
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			b, err := open(t, r, wrap(strings.NewReader(test.body)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(b)
			if kindOf(err) != test.want || b.DecodedLength() != test.length || b.Complete() != (test.want == 0) {
				t.Errorf("%s: got %v, length %d, complete %v; want kind %q", test.name, err, b.DecodedLength(), b.Complete(), test.want)
			}
			if test.want == 0 && string(got) != test.body || test.want != 0 && test.length > 0 && int64(len(got)) >= test.length {
				t.Errorf("%s: got %q", test.name, got)
			}
		}
	}
}

func TestAnonymousBody(t *testing.T) {
	unsigned := "7\r\npayload\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
	tests := []struct {
		hash, body string
		want       Kind
	}{
		{"", "payload", 0},
		{UnsignedPayload, "payload", 0},
		{hexSHA256([]byte("payload")), "payload", 0},
		{hexSHA256([]byte("payload")), "paxload", KindContentSHA256Mismatch},
		{StreamingUnsignedTrailer, unsigned, 0},
		{StreamingSigned, unsigned, KindInvalidRequest},
		{StreamingSignedTrailer, unsigned, KindInvalidRequest},
		{"nonsense", "payload", KindInvalidContentSHA256},
	}
	for _, test := range tests {
		r := httptest.NewRequest("PUT", "/bucket/key", strings.NewReader(test.body))
		if test.hash != "" {
			r.Header.Set("X-Amz-Content-Sha256", test.hash)
		}
		if strings.HasPrefix(test.hash, "STREAMING") {
			r.Header.Set("X-Amz-Decoded-Content-Length", "7")
			r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
		}
		b, err := AnonymousBody(r)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(b)
		}
		if kindOf(err) != test.want || err == nil && string(got) != "payload" {
			t.Errorf("%q: got %q, %v; want kind %q", test.hash, got, err, test.want)
		}
	}
}

func TestFramingWithoutStreamingModeIsRefused(t *testing.T) {
	r := httptest.NewRequest("PUT", "/bucket/key", strings.NewReader("payload"))
	r.Header.Set("Content-Encoding", "gzip, aws-chunked")
	if _, err := AnonymousBody(r); kindOf(err) != KindInvalidRequest {
		t.Errorf("got %v, want %q", err, KindInvalidRequest)
	}
}

func TestConnectionErrorsPassThrough(t *testing.T) {
	timeout := errors.New("i/o timeout")
	for mode, o := range streamings {
		r, wire := streamed(t, strings.Repeat("x", 3000), o)
		b, err := open(t, r, io.MultiReader(bytes.NewReader(wire[:1500]), iotest.ErrReader(timeout)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(b); err != timeout {
			t.Errorf("%s: got %v, want %v", mode, err, timeout)
		}
	}
	r := httptest.NewRequest("PUT", "/bucket/key", nil)
	r.Body, r.ContentLength = io.NopCloser(iotest.ErrReader(timeout)), 7
	b, err := AnonymousBody(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(b); err != timeout {
		t.Errorf("plain: got %v, want %v", err, timeout)
	}
}

func TestStripAWSChunked(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "aws-chunked": "", "AWS-Chunked": "", "gzip": "gzip", "gzip, br": "gzip, br",
		"aws-chunked,gzip": "gzip", "gzip , aws-chunked": "gzip", "gzip,aws-chunked, br": "gzip,br", "aws-chunked,": "",
	} {
		if got := StripAWSChunked(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestSignStreamingRefusesWhatItCannotSend(t *testing.T) {
	scope := testScope
	for name, o := range map[string]Streaming{
		"negative length":          {DecodedLength: -1},
		"negative chunk":           {ChunkBytes: -1},
		"unsigned without trailer": {Unsigned: true},
		"trailer without checksum": {Trailer: "x-amz-checksum-crc32"},
	} {
		r := httptest.NewRequest("PUT", "/bucket/key", nil)
		if err := SignStreaming(r, http.NoBody, testCredentials, scope, exampleTime, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, length := range []int64{6, 8} {
		r := httptest.NewRequest("PUT", "/bucket/key", nil)
		if err := SignStreaming(r, strings.NewReader("payload"), testCredentials, scope, exampleTime, Streaming{DecodedLength: length}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("payload of 7 bytes announced as %s: no error", strconv.FormatInt(length, 10))
		}
	}
}
