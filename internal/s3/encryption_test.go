package s3

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/object"
)

const (
	keyARN      = "arn:aws:kms:ap-northeast-1:999999999999:key/one"
	otherKeyARN = "arn:aws:kms:ap-northeast-1:111111111111:key/theirs"
	sharedARN   = "arn:aws:kms:ap-northeast-1:111111111111:key/shared"
)

// testKeys are the named keys of the fixture.
var testKeys = []kms.Key{
	{ID: "one", Account: account, Region: region, Aliases: []string{"alias/uploads"}},
	{ID: "two", Account: account, Region: region},
	{ID: "off", Account: account, Region: region, Disabled: true},
	{ID: "theirs", Account: otherAccount, Region: region},
	{ID: "shared", Account: otherAccount, Region: region, Accounts: []string{account}},
}

const ssePrefix = "x-amz-server-side-encryption"

// customer are the headers with a key of the client.
func customer(key string) map[string]string { return customerAs(ssePrefix, key) }

func customerAs(prefix, key string) map[string]string {
	sum := md5.Sum([]byte(key))
	return map[string]string{
		prefix + "-customer-algorithm": "AES256",
		prefix + "-customer-key":       base64.StdEncoding.EncodeToString([]byte(key)),
		prefix + "-customer-key-md5":   base64.StdEncoding.EncodeToString(sum[:]),
	}
}

var (
	keyA = strings.Repeat("a", 32)
	keyB = strings.Repeat("b", 32)
)

func with(headers map[string]string, more ...string) map[string]string {
	all := maps.Clone(headers)
	if all == nil {
		all = make(map[string]string)
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "-" {
			delete(all, more[i])
		} else {
			all[more[i]] = more[i+1]
		}
	}
	return all
}

func sse(method string, more ...string) map[string]string {
	return with(map[string]string{ssePrefix: method}, more...)
}

func wantHeader(tb testing.TB, what string, a answered, name, want string) {
	tb.Helper()
	if got := a.header.Get(name); got != want {
		tb.Errorf("%s: %s: %q, want %q", what, name, got, want)
	}
}

func isMD5(etag, body string) bool {
	sum := md5.Sum([]byte(body))
	return strings.Trim(etag, `"`) == hex.EncodeToString(sum[:])
}

// stored returns what the engine keeps of an object without its key.
func (f *fixture) stored(bucket, key string) object.Version {
	f.tb.Helper()
	v, err := f.engine.Head(f.tb.Context(), bucket, key, object.GetOptions{})
	if err != nil {
		f.tb.Fatal(err)
	}
	return v
}

func TestEncryptionHeadersRefused(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	aes, c := "AES256", customer(keyA)
	const prefix, kmsID = ssePrefix, ssePrefix + "-aws-kms-key-id"
	short := customer("too short")
	for _, test := range []struct {
		name    string
		headers map[string]string
		code    string
		message string
	}{
		{"empty method", sse(""), "InvalidArgument", "not supported"},
		{"unknown method", sse("aes:kms"), "InvalidArgument", "not supported"},
		{"lower case", sse("aes256"), "InvalidArgument", "not supported"},
		{"file systems", sse("aws:fsx"), "InvalidArgument", "not supported"},
		{"two layers", sse("aws:kms:dsse"), "NotImplemented", "aws:kms:dsse"},
		{"key ID alone", map[string]string{kmsID: "one"}, "InvalidArgument", "requires HTTP header"},
		{"key ID with AES256", sse(aes, kmsID, "one"), "InvalidArgument", "requires HTTP header"},
		{"context with AES256", sse(aes, prefix+"-context", "e30="), "InvalidArgument", "requires HTTP header"},
		{"bucket key with AES256", sse(aes, prefix+"-bucket-key-enabled", "true"), "InvalidArgument", ""},
		{"bucket key", sse("aws:kms", kmsID, "one", prefix+"-bucket-key-enabled", "yes"), "InvalidArgument", ""},
		{"unknown key", sse("aws:kms", kmsID, "none"), "KMS.NotFoundException", "Invalid keyId 'none'"},
		{"unknown key ARN", sse("aws:kms", kmsID, keyARN+"x"), "KMS.NotFoundException", "does not exist"},
		{"key of another account by ID", sse("aws:kms", kmsID, "theirs"), "KMS.NotFoundException", "Invalid keyId"},
		{"no managed key", sse("aws:kms"), "KMS.NotFoundException", "alias/aws/s3"},
		{"disabled key", sse("aws:kms", kmsID, "off"), "KMS.DisabledException", "is disabled"},
		{"context", sse("aws:kms", kmsID, "one", prefix+"-context", "???"), "InvalidArgument", "string-string map"},
		{"context is no map", sse("aws:kms", kmsID, "one", prefix+"-context", "WzFd"), "InvalidArgument", "string-string map"},
		{"context is null", sse("aws:kms", kmsID, "one", prefix+"-context", "bnVsbA=="), "InvalidArgument", "string-string map"},
		{"context of S3", sse("aws:kms", kmsID, "one", prefix+"-context", base64.StdEncoding.EncodeToString([]byte(`{"aws:s3:arn":"x"}`))), "InvalidArgument", "aws:"},
		{"long context", sse("aws:kms", kmsID, "one", prefix+"-context", base64.StdEncoding.EncodeToString([]byte(`{"a":"`+strings.Repeat("x", 2100)+`"}`))), "InvalidArgument", "2048"},
		{"both", with(c, prefix, aes), "InvalidArgument", "incompatible"},
		{"both, KMS", with(c, prefix, "aws:kms", kmsID, "one"), "InvalidArgument", "incompatible"},
		{"customer, no algorithm", with(c, prefix+"-customer-algorithm", "-"), "InvalidArgument", "valid encryption algorithm"},
		{"customer, algorithm", with(c, prefix+"-customer-algorithm", "AES192"), "InvalidEncryptionAlgorithmError", "AES256"},
		{"customer, no key", with(c, prefix+"-customer-key", "-"), "InvalidArgument", "appropriate secret key"},
		{"customer, no MD5", with(c, prefix+"-customer-key-md5", "-"), "InvalidArgument", "client calculated MD5"},
		{"customer, MD5", with(c, prefix+"-customer-key-md5", "AAAAAAAAAAAAAAAAAAAAAA=="), "InvalidArgument", "calculated MD5 hash"},
		{"customer, no base64", with(c, prefix+"-customer-key", "???"), "InvalidArgument", "secret key was invalid"},
		{"customer, short", short, "InvalidArgument", "secret key was invalid"},
		{"customer, key ID", with(c, kmsID, "one"), "InvalidArgument", "requires HTTP header"},
	} {
		for _, c := range []call{
			{method: "PUT", path: "/box/k", body: "x"}, {method: "POST", path: "/box/k?uploads"},
			{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-copy-source": "/box/source"}},
		} {
			if c.headers != nil {
				f.put("box", "source", "x")
			}
			headers := maps.Clone(test.headers)
			maps.Copy(headers, c.headers)
			c.headers = headers
			status := 400
			if test.code == "NotImplemented" {
				status = 501
			}
			e := wantRefusal(t, test.name+" "+c.method, f.do(c), status, test.code)
			if !strings.Contains(e.Message, test.message) {
				t.Errorf("%s: %q, want %q in it", test.name, e.Message, test.message)
			}
		}
	}
	wantRefusal(t, "nothing was stored", f.do(call{path: "/box/k"}), 404, "NoSuchKey")
}

func TestServerEncryption(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, size := range []int{0, 1, 5000, 300 << 10} {
		body := strings.Repeat("secret! ", size/8+1)[:size]
		put := f.must(call{method: "PUT", path: "/box/k", body: body, headers: sse("AES256")})
		wantHeader(t, "put", put, ssePrefix, "AES256")
		if !isMD5(put.header.Get("Etag"), body) {
			t.Errorf("size %d: ETag %s is not the MD5", size, put.header.Get("Etag"))
		}
		get := f.must(call{path: "/box/k"})
		wantHeader(t, "get", get, ssePrefix, "AES256")
		if get.body != body {
			t.Errorf("size %d: got %d bytes back", size, len(get.body))
		}
		if f.stored("box", "k").Encryption == "" {
			t.Errorf("size %d: stored as it is", size)
		}
		if size > 100 {
			part := f.must(call{path: "/box/k", headers: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", size-50, size-1)}})
			if part.status != 206 || part.body != body[size-50:] {
				t.Errorf("size %d: range: %d %q", size, part.status, part.body)
			}
		}
	}
	head := f.must(call{method: "HEAD", path: "/box/k"})
	wantHeader(t, "head", head, ssePrefix, "AES256")
	for _, headers := range []map[string]string{sse("AES256"), sse("aws:kms"), {ssePrefix + "-aws-kms-key-id": "one"}} {
		wantRefusal(t, "get with a method", f.do(call{path: "/box/k", headers: headers}), 400, "InvalidArgument")
	}
	wantRefusal(t, "get with a key", f.do(call{path: "/box/k", headers: customer(keyA)}), 400, "InvalidRequest")
}

func TestSealedKeyCannotBeMoved(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box/a", body: "x", headers: sse("AES256")})
	record, err := parseEncryption(f.stored("box", "a").Encryption)
	if err != nil {
		t.Fatal(err)
	}
	b := f.bucketOf("box")
	if _, err := f.keyring.Open("", record.Sealed, &kms.Context{BucketID: b.ID, Key: "a"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []kms.Context{{BucketID: b.ID, Key: "b"}, {BucketID: "other", Key: "a"}} {
		if _, err := f.keyring.Open("", record.Sealed, &c); !errors.Is(err, kms.ErrSealed) {
			t.Errorf("in %v: %v, want ErrSealed", c, err)
		}
	}
	// An engine that gives another object's record is not believed.
	_, err = f.engine.Put(t.Context(), "box", "b", strings.NewReader("y"), object.PutOptions{
		SizeBytes: 1, Encryption: &object.Encryption{Key: [32]byte{1}, Info: f.stored("box", "a").Encryption},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, "moved", f.do(call{path: "/box/b"}), 500, "InternalError")
}

func TestCustomerEncryption(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	body := strings.Repeat("secret! ", 40000)
	put := f.must(call{method: "PUT", path: "/box/k", body: body, headers: customer(keyA)})
	wantHeader(t, "put", put, ssePrefix+"-customer-algorithm", "AES256")
	wantHeader(t, "put", put, ssePrefix+"-customer-key-md5", customer(keyA)[ssePrefix+"-customer-key-md5"])
	wantHeader(t, "put", put, ssePrefix, "")
	if isMD5(put.header.Get("Etag"), body) {
		t.Error("the ETag is the MD5")
	}
	for _, method := range []string{"GET", "HEAD"} {
		if a := f.do(call{method: method, path: "/box/k"}); a.status != 400 {
			t.Errorf("%s without the key: %d, want 400", method, a.status)
		}
		if a := f.do(call{method: method, path: "/box/k", headers: customer(keyB)}); a.status != 403 {
			t.Errorf("%s with another key: %d, want 403", method, a.status)
		}
		a := f.must(call{method: method, path: "/box/k", headers: customer(keyA)})
		wantHeader(t, method, a, ssePrefix+"-customer-algorithm", "AES256")
		if method == "GET" && a.body != body {
			t.Errorf("got %d bytes back", len(a.body))
		}
	}
	wantRefusal(t, "without the key", f.do(call{path: "/box/k"}), 400, "InvalidRequest")
	wantRefusal(t, "with another key", f.do(call{path: "/box/k", headers: customer(keyB)}), 403, "AccessDenied")
	wantRefusal(t, "with a broken key", f.do(call{path: "/box/k", headers: with(customer(keyA), ssePrefix+"-customer-key-md5", "AAAA")}), 400, "InvalidArgument")
	part := f.must(call{path: "/box/k", headers: with(customer(keyA), "Range", "bytes=100000-100015")})
	if part.body != body[100000:100016] {
		t.Errorf("range: %q", part.body)
	}
	again := f.must(call{method: "PUT", path: "/box/k", body: body, headers: customer(keyA)})
	if again.header.Get("Etag") == put.header.Get("Etag") {
		t.Error("the ETag tells that the body is the same")
	}
	if info := f.stored("box", "k").Encryption; strings.Contains(info, base64.StdEncoding.EncodeToString([]byte(keyA))) || strings.Contains(info, customer(keyA)[ssePrefix+"-customer-key-md5"]) {
		t.Error("the client's key, or its MD5, is stored")
	}
	f.must(call{method: "DELETE", path: "/box/k"})
}

func TestCustomerKeyNeedsPrivacy(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	s := f.service()
	s.customerKeysOverHTTP = false
	f.serve(s)
	c := call{method: "PUT", path: "/box/k", body: "x", headers: customer(keyA), from: "192.0.2.7:40000"}
	e := wantRefusal(t, "over a network", f.do(c), 400, "InvalidArgument")
	if !strings.Contains(e.Message, "secure connection") {
		t.Errorf("message %q", e.Message)
	}
	c.from = "[::1]:40000"
	f.must(c)
}

func TestNamedKeys(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	const kmsID = ssePrefix + "-aws-kms-key-id"
	pairs := base64.StdEncoding.EncodeToString([]byte(`{"department":"10103.0"}`))
	for _, name := range []string{"one", keyARN, "alias/uploads", "arn:aws:kms:ap-northeast-1:999999999999:alias/uploads"} {
		headers := sse("aws:kms", kmsID, name, ssePrefix+"-context", pairs)
		put := f.must(call{method: "PUT", path: "/box/k", body: "hello", headers: headers})
		wantHeader(t, name, put, ssePrefix, "aws:kms")
		wantHeader(t, name, put, kmsID, keyARN)
		wantHeader(t, name, put, ssePrefix+"-context", pairs)
		wantHeader(t, name, put, ssePrefix+"-bucket-key-enabled", "")
		if isMD5(put.header.Get("Etag"), "hello") {
			t.Error("the ETag is the MD5")
		}
		get := f.must(call{path: "/box/k"})
		wantHeader(t, name, get, ssePrefix, "aws:kms")
		wantHeader(t, name, get, kmsID, keyARN)
		wantHeader(t, name, get, ssePrefix+"-context", "")
		if get.body != "hello" {
			t.Errorf("%s: got %q back", name, get.body)
		}
	}
	record, err := parseEncryption(f.stored("box", "k").Encryption)
	if err != nil || record.Context["department"] != "10103.0" || record.Context[contextARN] != "arn:aws:s3:::box/k" {
		t.Errorf("record %+v, %v", record, err)
	}
	put := f.must(call{method: "PUT", path: "/box/k", body: "hello", headers: sse("aws:kms", kmsID, "one", ssePrefix+"-bucket-key-enabled", "true")})
	wantHeader(t, "bucket key", put, ssePrefix+"-bucket-key-enabled", "true")
	if record, err := parseEncryption(f.stored("box", "k").Encryption); err != nil || record.Context[contextARN] != "arn:aws:s3:::box" {
		t.Errorf("bucket key: record %+v, %v", record, err)
	}
}

func TestNamedKeysNeedPermission(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	const kmsID = ssePrefix + "-aws-kms-key-id"
	all := []string{"s3:PutObject", "s3:GetObject"}
	f.allow("plain", all, []string{"*"})
	f.grant("writer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"*"},
		{"Effect":"Allow","Action":"kms:GenerateDataKey","Resource":"`+keyARN+`"}]}`, nil)
	f.grant("reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"*"},
		{"Effect":"Allow","Action":"kms:Decrypt","Resource":"`+keyARN+`","Condition":{"StringLike":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::box/a*"},
		"StringEquals":{"kms:ViaService":"s3.ap-northeast-1.amazonaws.com","kms:CallerAccount":"999999999999"}}}]}`, nil)
	f.allow("far", append(all, "kms:*"), []string{"*"})
	put := func(as, key, name string) answered {
		return f.do(call{as: as, method: "PUT", path: "/box/" + key, body: "x", headers: sse("aws:kms", kmsID, name)})
	}
	for _, as := range []string{"plain", "reader"} {
		wantRefusal(t, "put as "+as, put(as, "a", "one"), 403, "AccessDenied")
	}
	wantRefusal(t, "put with another key", put("writer", "a", "two"), 403, "AccessDenied")
	wantRefusal(t, "start an upload", f.do(call{as: "plain", method: "POST", path: "/box/a?uploads", headers: sse("aws:kms", kmsID, "one")}), 403, "AccessDenied")
	for _, key := range []string{"a", "b"} {
		if a := put("writer", key, "one"); a.status != 200 {
			t.Fatalf("put as writer: %d %s", a.status, a.body)
		}
	}
	for _, as := range []string{"plain", "writer"} {
		wantRefusal(t, "get as "+as, f.do(call{as: as, path: "/box/a"}), 403, "AccessDenied")
		wantRefusal(t, "copy as "+as, f.do(call{as: as, method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "/box/a"}}), 403, "AccessDenied")
		if a := f.do(call{as: as, method: "HEAD", path: "/box/a", headers: map[string]string{"x-amz-checksum-mode": "ENABLED"}}); a.status != 403 {
			t.Errorf("head with checksums as %s: %d, want 403", as, a.status)
		}
		f.must(call{as: as, method: "HEAD", path: "/box/a"})
	}
	f.must(call{as: "reader", path: "/box/a"})
	wantRefusal(t, "get with another context", f.do(call{as: "reader", path: "/box/b"}), 403, "AccessDenied")

	// Keys of another account: only where it delegates.
	wantRefusal(t, "their key", put("far", "k", otherKeyARN), 403, "AccessDenied")
	if a := put("far", "k", sharedARN); a.status != 200 {
		t.Errorf("shared key: %d %s", a.status, a.body)
	}
	f.must(call{as: "far", path: "/box/k"})
}

func TestMasterKeyIsMissing(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box/k", body: "x", headers: sse("AES256")})
	if err := f.keyring.Rotate(); err != nil {
		t.Fatal(err)
	}
	f.must(call{path: "/box/k"}) // the old one opens
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	stranger, err := kms.Parse(secret, kms.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f.keyring = stranger
	f.restart()
	wantRefusal(t, "get", f.do(call{path: "/box/k"}), 500, "InternalError")
	f.must(call{method: "HEAD", path: "/box/k"})
}

func TestCopyEncryption(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	body := strings.Repeat("x", 70000)
	modes := map[string]map[string]string{
		"plain": nil, "server": sse("AES256"), "customer": customer(keyA), "named": sse("aws:kms", ssePrefix+"-aws-kms-key-id", "one"),
	}
	for from, headers := range modes {
		f.must(call{method: "PUT", path: "/box/source", body: body, headers: headers})
		source := map[string]string{"x-amz-copy-source": "/box/source"}
		if from == "customer" {
			wantRefusal(t, "copy without the source's key", f.do(call{method: "PUT", path: "/box/copy", headers: source}), 400, "InvalidRequest")
			maps.Copy(source, customerAs("x-amz-copy-source-server-side-encryption", keyB))
			wantRefusal(t, "copy with another source key", f.do(call{method: "PUT", path: "/box/copy", headers: source}), 403, "AccessDenied")
			maps.Copy(source, customerAs("x-amz-copy-source-server-side-encryption", keyA))
		}
		for to, headers := range modes {
			all := maps.Clone(source)
			maps.Copy(all, headers)
			a := f.must(call{method: "PUT", path: "/box/copy", headers: all})
			get := call{path: "/box/copy"}
			switch to {
			case "server":
				wantHeader(t, from+" to "+to, a, ssePrefix, "AES256")
			case "named":
				wantHeader(t, from+" to "+to, a, ssePrefix+"-aws-kms-key-id", keyARN)
			case "customer":
				wantHeader(t, from+" to "+to, a, ssePrefix+"-customer-algorithm", "AES256")
				get.headers = headers
			case "plain":
				if f.stored("box", "copy").Encryption != "" {
					t.Errorf("%s to plain: encrypted", from)
				}
			}
			if got := f.must(get); got.body != body {
				t.Errorf("%s to %s: got %d bytes", from, to, len(got.body))
			}
		}
	}
	itself := map[string]string{"x-amz-copy-source": "/box/copy"}
	f.put("box", "copy", "x")
	wantRefusal(t, "copy to itself", f.do(call{method: "PUT", path: "/box/copy", headers: itself}), 400, "InvalidRequest")
	f.must(call{method: "PUT", path: "/box/copy", headers: with(itself, ssePrefix, "AES256")})
	if f.stored("box", "copy").Encryption == "" {
		t.Error("a copy to itself with encryption is stored as it is")
	}
}

// restart makes the server again from the fixture's parts.
func (f *fixture) restart() {
	f.tb.Helper()
	f.serve(f.service())
}

func putEncryption(f *fixture, rule string) answered {
	return f.do(call{method: "PUT", path: "/box?encryption", body: `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + rule + `</ServerSideEncryptionConfiguration>`})
}

func defaultRule(algorithm, more string) string {
	return "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>" + algorithm + "</SSEAlgorithm>" + more + "</ApplyServerSideEncryptionByDefault></Rule>"
}

type encryptionDocument struct {
	XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
	Rules   []struct {
		SSEAlgorithm     string `xml:"ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
		KMSMasterKeyID   string `xml:"ApplyServerSideEncryptionByDefault>KMSMasterKeyID"`
		BucketKeyEnabled string
		Blocked          []string `xml:"BlockedEncryptionTypes>EncryptionType"`
	} `xml:"Rule"`
}

func TestBucketEncryption(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	const notFound = "ServerSideEncryptionConfigurationNotFoundError"
	wantRefusal(t, "none", f.do(call{path: "/box?encryption"}), 404, notFound)
	wantRefusal(t, "no bucket", f.do(call{path: "/nobox?encryption"}), 404, "NoSuchBucket")
	for name, test := range map[string]struct{ rule, code string }{
		"no rule":           {"", "MalformedXML"},
		"two rules":         {defaultRule("AES256", "") + defaultRule("AES256", ""), "MalformedXML"},
		"empty rule":        {"<Rule></Rule>", "MalformedXML"},
		"unknown element":   {"<Rule><More/></Rule>", "MalformedXML"},
		"no algorithm":      {"<Rule><ApplyServerSideEncryptionByDefault/></Rule>", "MalformedXML"},
		"unknown algorithm": {defaultRule("AES512", ""), "MalformedXML"},
		"key with AES256":   {defaultRule("AES256", "<KMSMasterKeyID>one</KMSMasterKeyID>"), "InvalidArgument"},
		"two layers":        {defaultRule("aws:kms:dsse", ""), "NotImplemented"},
		"blocked":           {"<Rule><BlockedEncryptionTypes><EncryptionType>SSE-S3</EncryptionType></BlockedEncryptionTypes></Rule>", "MalformedXML"},
		"bucket key":        {"<Rule><BucketKeyEnabled>maybe</BucketKeyEnabled></Rule>", "MalformedXML"},
	} {
		status := 400
		if test.code == "NotImplemented" {
			status = 501
		}
		wantRefusal(t, name, putEncryption(f, test.rule), status, test.code)
	}
	wantRefusal(t, "none after refusals", f.do(call{path: "/box?encryption"}), 404, notFound)

	if a := putEncryption(f, defaultRule("AES256", "")); a.status != 200 || a.body != "" {
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	wantHeader(t, "put object", f.put("box", "k", "x"), ssePrefix, "AES256")
	doc := decodeXML[encryptionDocument](t, f.must(call{path: "/box?encryption"}))
	if len(doc.Rules) != 1 || doc.Rules[0].SSEAlgorithm != "AES256" || doc.Rules[0].BucketKeyEnabled != "false" || doc.Rules[0].Blocked != nil {
		t.Errorf("got %+v", doc)
	}

	// A key is not looked at when it is set, but when it is used.
	if a := putEncryption(f, defaultRule("aws:kms", "<KMSMasterKeyID>none</KMSMasterKeyID>")); a.status != 200 {
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	wantRefusal(t, "default with an unknown key", f.do(call{method: "PUT", path: "/box/k", body: "x"}), 400, "KMS.NotFoundException")
	f.must(call{method: "PUT", path: "/box/k", body: "x", headers: sse("AES256")})
	if a := putEncryption(f, strings.Replace(defaultRule("aws:kms", "<KMSMasterKeyID>one</KMSMasterKeyID>"), "</Rule>", "<BucketKeyEnabled>true</BucketKeyEnabled></Rule>", 1)); a.status != 200 {
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	put := f.put("box", "k", "x")
	wantHeader(t, "put object", put, ssePrefix+"-aws-kms-key-id", keyARN)
	wantHeader(t, "put object", put, ssePrefix+"-bucket-key-enabled", "true")
	f.allow("plain", []string{"s3:*"}, []string{"*"})
	wantRefusal(t, "default without the key's permission", f.do(call{as: "plain", method: "PUT", path: "/box/k", body: "x"}), 403, "AccessDenied")

	if a := f.must(call{method: "DELETE", path: "/box?encryption"}); a.status != 204 {
		t.Errorf("delete: %d", a.status)
	}
	f.must(call{method: "DELETE", path: "/box?encryption"})
	wantRefusal(t, "deleted", f.do(call{path: "/box?encryption"}), 404, notFound)
	wantHeader(t, "put object", f.put("box", "k", "x"), ssePrefix, "")
}

func TestBlockedCustomerKeys(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box/old", body: "x", headers: customer(keyA)})
	const block = "<Rule><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>"
	if a := putEncryption(f, block); a.status != 200 {
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	if a := putEncryption(f, defaultRule("AES256", "")); a.status != 200 { // says nothing of blocking
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	for _, c := range []call{{method: "PUT", path: "/box/k", body: "x"}, {method: "POST", path: "/box/k?uploads"}} {
		c.headers = customer(keyA)
		wantRefusal(t, c.method, f.do(c), 403, "AccessDenied")
	}
	f.must(call{path: "/box/old", headers: customer(keyA)})
	doc := decodeXML[encryptionDocument](t, f.must(call{path: "/box?encryption"}))
	if doc.Rules[0].SSEAlgorithm != "AES256" || len(doc.Rules[0].Blocked) != 1 || doc.Rules[0].Blocked[0] != "SSE-C" {
		t.Errorf("got %+v", doc)
	}
	if a := putEncryption(f, strings.Replace(block, "SSE-C", "NONE", 1)); a.status != 200 {
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	f.must(call{method: "PUT", path: "/box/k", body: "x", headers: customer(keyA)})
}

func TestEncryptByDefault(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "before", "x")
	s := f.service()
	s.encryptByDefault = true
	f.serve(s)
	wantHeader(t, "put", f.put("box", "k", "x"), ssePrefix, "AES256")
	wantHeader(t, "customer", f.must(call{method: "PUT", path: "/box/c", body: "x", headers: customer(keyA)}), ssePrefix, "")
	wantHeader(t, "get", f.must(call{path: "/box/before"}), ssePrefix, "")
	doc := decodeXML[encryptionDocument](t, f.must(call{path: "/box?encryption"}))
	if len(doc.Rules) != 1 || doc.Rules[0].SSEAlgorithm != "AES256" {
		t.Errorf("got %+v", doc)
	}
}

func TestServerEncryptsWhatItWrites(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	s, b := f.service(), f.bucketOf("box")
	if e, err := s.sealByDefault(t.Context(), b, "log"); e != nil || err != nil {
		t.Errorf("no default: %+v, %v", e, err)
	}
	s.encryptByDefault = true
	if e, err := s.sealByDefault(t.Context(), b, "log"); e == nil || err != nil || e.BucketID != b.ID {
		t.Errorf("the server's default: %+v, %v", e, err)
	}
	if a := putEncryption(f, defaultRule("aws:kms", "<KMSMasterKeyID>one</KMSMasterKeyID>")); a.status != 200 {
		t.Fatalf("put: %d %s", a.status, a.body)
	}
	if e, err := s.sealByDefault(t.Context(), b, "log"); e != nil || !errors.Is(err, errNamedByDefault) {
		t.Errorf("a named key: %+v, %v, want errNamedByDefault", e, err)
	}
}

func TestEncryptionConditions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	allow := `{"Effect":"Allow","Action":["s3:*","kms:*"],"Resource":"*"}`
	deny := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[` + allow + `,{"Effect":"Deny","Action":"s3:PutObject","Resource":"*","Condition":` + condition + `}]}`
	}
	f.grant("encrypted", deny(`{"Null":{"s3:x-amz-server-side-encryption":"true"}}`), nil)
	f.grant("aes", deny(`{"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}}`), nil)
	f.grant("named", deny(`{"StringNotEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"`+keyARN+`"}}`), nil)
	f.grant("customer", deny(`{"Null":{"s3:x-amz-server-side-encryption-customer-algorithm":"true"}}`), nil)
	const kmsID = ssePrefix + "-aws-kms-key-id"
	for _, test := range []struct {
		as      string
		headers map[string]string
		status  int
	}{
		{"encrypted", nil, 403}, {"encrypted", customer(keyA), 403}, {"encrypted", sse("AES256"), 200}, {"encrypted", sse("aws:kms", kmsID, "one"), 200},
		{"aes", nil, 403}, {"aes", sse("AES192"), 403}, {"aes", sse("aws:kms", kmsID, "one"), 403}, {"aes", sse("AES256"), 200},
		{"named", nil, 403}, {"named", sse("AES256"), 403}, {"named", sse("aws:kms", kmsID, "two"), 403}, {"named", sse("aws:kms", kmsID, "alias/uploads"), 200},
		{"customer", nil, 403}, {"customer", with(customer(keyA), ssePrefix+"-customer-algorithm", "-"), 403}, {"customer", customer(keyA), 200},
	} {
		if a := f.do(call{as: test.as, method: "PUT", path: "/box/k", body: "x", headers: test.headers}); a.status != test.status {
			t.Errorf("%s with %v: %d %s, want %d", test.as, test.headers, a.status, a.body, test.status)
		}
	}
	// The parts of an upload are as encrypted as the upload.
	started := decodeXML[struct{ UploadId string }](t, f.must(call{as: "aes", method: "POST", path: "/box/k?uploads", headers: sse("AES256")}))
	part := f.must(call{as: "aes", method: "PUT", path: "/box/k?partNumber=1&uploadId=" + started.UploadId, body: "x"})
	f.must(call{as: "aes", method: "POST", path: "/box/k?uploadId=" + started.UploadId, body: completion(part.header.Get("Etag"))})
	if f.stored("box", "k").Encryption == "" {
		t.Error("stored as it is")
	}
}

func completion(etags ...string) string {
	var b strings.Builder
	for i, etag := range etags {
		fmt.Fprintf(&b, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, etag)
	}
	return "<CompleteMultipartUpload>" + b.String() + "</CompleteMultipartUpload>"
}

func TestUploadEncryption(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	first, second := strings.Repeat("1", object.MinPartSizeBytes+1), strings.Repeat("2", 1000)
	const kmsID = ssePrefix + "-aws-kms-key-id"
	for _, test := range []struct {
		name              string
		headers, parts    map[string]string
		header, value     string
		refused, refused2 map[string]string
	}{
		{"server", sse("AES256"), nil, ssePrefix, "AES256", customer(keyA), sse("aws:kms", kmsID, "one")},
		{"server said again", sse("AES256"), sse("AES256"), ssePrefix, "AES256", customer(keyA), sse("")},
		{"named", sse("aws:kms", kmsID, "one"), sse("aws:kms", kmsID, "alias/uploads"), kmsID, keyARN, customer(keyA), sse("aws:kms", kmsID, "two")},
		{"customer", customer(keyA), customer(keyA), ssePrefix + "-customer-algorithm", "AES256", customer(keyB), nil},
	} {
		create := f.must(call{method: "POST", path: "/box/k?uploads", headers: with(test.headers, "x-amz-checksum-algorithm", "CRC32")})
		wantHeader(t, test.name+" create", create, test.header, test.value)
		id := decodeXML[struct{ UploadId string }](t, create).UploadId
		put := func(number int, body string, headers map[string]string) answered {
			return f.do(call{method: "PUT", path: fmt.Sprintf("/box/k?partNumber=%d&uploadId=%s", number, id), body: body, headers: headers})
		}
		for _, headers := range []map[string]string{test.refused, test.refused2} {
			if a := put(1, first, headers); a.status != 400 {
				t.Errorf("%s: part with %v: %d %s, want 400", test.name, headers, a.status, a.body)
			}
		}
		one, two := put(1, first, test.parts), put(2, second, test.parts)
		if one.status != 200 || two.status != 200 {
			t.Fatalf("%s: parts: %d %s, %d %s", test.name, one.status, one.body, two.status, two.body)
		}
		wantHeader(t, test.name+" part", one, test.header, test.value)
		if opaque := strings.HasPrefix(test.name, "server") == isMD5(two.header.Get("Etag"), second); !opaque {
			t.Errorf("%s: ETag of a part %s", test.name, two.header.Get("Etag"))
		}
		source := map[string]string{"x-amz-copy-source": "/box/plain", "x-amz-copy-source-range": "bytes=1-1000"}
		f.put("box", "plain", strings.Repeat("p", 2000))
		maps.Copy(source, test.parts)
		three := f.must(call{method: "PUT", path: "/box/k?partNumber=2&uploadId=" + id, headers: source})
		wantHeader(t, test.name+" copied part", three, test.header, test.value)
		etag := decodeXML[struct{ ETag string }](t, three).ETag
		parts := fmt.Sprintf(`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag>%s</Part><Part><PartNumber>2</PartNumber><ETag>%s</ETag>%s</Part></CompleteMultipartUpload>`,
			one.header.Get("Etag"), checksumOf(f, id, 1), etag, checksumOf(f, id, 2))
		if test.name == "customer" {
			for _, headers := range []map[string]string{nil, customer(keyB)} {
				if a := f.do(call{method: "POST", path: "/box/k?uploadId=" + id, body: parts, headers: headers}); a.status != 400 {
					t.Errorf("complete with %v: %d, want 400", headers, a.status)
				}
				if a := f.do(call{path: "/box/k?uploadId=" + id, headers: headers}); a.status != 400 {
					t.Errorf("list parts with %v: %d, want 400", headers, a.status)
				}
			}
		}
		done := f.must(call{method: "POST", path: "/box/k?uploadId=" + id, body: parts, headers: test.parts})
		wantHeader(t, test.name+" complete", done, test.header, test.value)
		get := call{path: "/box/k", headers: map[string]string{"Range": fmt.Sprintf("bytes=%d-", len(first)-10)}}
		if test.name == "customer" {
			maps.Copy(get.headers, customer(keyA))
		}
		if a := f.must(get); a.body != strings.Repeat("1", 10)+strings.Repeat("p", 1000) {
			t.Errorf("%s: got %d bytes over the edge of the parts", test.name, len(a.body))
		}
	}
	wantRefusal(t, "no upload", f.do(call{method: "PUT", path: "/box/k?partNumber=1&uploadId=" + strings.Repeat("0", 32), body: "x", headers: customer(keyA)}), 404, "NoSuchUpload")
}

// checksumOf returns the element with the CRC32 of a part.
func checksumOf(f *fixture, id string, number int) string {
	f.tb.Helper()
	parts, _, err := f.engine.Parts(f.tb.Context(), "box", "k", id, number-1, 1)
	if err != nil || len(parts) != 1 {
		f.tb.Fatalf("part %d: %v", number, err)
	}
	return "<ChecksumCRC32>" + parts[0].Checksums[0].Value() + "</ChecksumCRC32>"
}

func TestEncryptionRecordRefused(t *testing.T) {
	for _, text := range []string{
		"x", "{}", `{"v":2,"method":"AES256","sealed":"AA=="}`, `{"v":1,"method":"ROT13","sealed":"AA=="}`, `{"v":1,"method":"AES256"}`,
		`{"v":1,"method":"AES256","sealed":"AA==","key":"arn:aws:kms:r:a:key/k"}`, `{"v":1,"method":"aws:kms","sealed":"AA=="}`,
		`{"v":1,"method":"AES256","sealed":"AA==","more":1}`, `{"v":1,"method":"AES256","sealed":"AA=="}{}`, `{"v":1,"method":"customer","sealed":"AA==","bucketKey":true}`,
	} {
		if r, err := parseEncryption(text); !errors.Is(err, object.ErrCorrupt) || r != nil {
			t.Errorf("%s: %+v, %v, want ErrCorrupt", text, r, err)
		}
	}
	if r, err := parseEncryption(""); r != nil || err != nil {
		t.Errorf("nothing: %+v, %v", r, err)
	}
}

func FuzzParseEncryption(f *testing.F) {
	f.Add(`{"v":1,"method":"aws:kms","key":"arn:aws:kms:r:a:key/k","context":{"aws:s3:arn":"arn:aws:s3:::b/k"},"bucketKey":true,"sealed":"AA=="}`)
	f.Add(`{"v":1,"method":"AES256","sealed":"AA=="}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseEncryption(text)
		if err != nil || r == nil {
			return
		}
		again, err := parseEncryption(r.encode())
		if err != nil || again.Method != r.Method || again.KeyARN != r.KeyARN || !maps.Equal(again.Context, r.Context) || !bytes.Equal(again.Sealed, r.Sealed) {
			t.Errorf("%+v became %+v, %v", r, again, err)
		}
	})
}

// BenchmarkPutEncrypted compares a PUT stored as it is with one encrypted under
// SSE-S3.
func BenchmarkPutEncrypted(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 8 << 20} {
		for _, method := range []string{"", "AES256"} {
			b.Run(fmt.Sprintf("%d/%s", size, method), func(b *testing.B) {
				f := newFixture(b)
				f.bucket("box")
				c := call{method: http.MethodPut, path: "/box/k", body: strings.Repeat("x", size)}
				if method != "" {
					c.headers = sse(method)
				}
				b.SetBytes(int64(size))
				serve(b, f, c)
			})
		}
	}
}
