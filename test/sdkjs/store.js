// Stores and reads objects as an application does that uses the AWS SDK for
// JavaScript and nothing but its defaults, checksums included.
//
//   node store.js BUCKET
//
// The endpoint, the region and the access key are those of the environment.
// Ends with an error, or prints "done".
"use strict";

const assert = require("node:assert");
const { createHash, randomBytes } = require("node:crypto");
const { Readable } = require("node:stream");
const {
  S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand, DeleteObjectsCommand, DeleteObjectCommand,
  CopyObjectCommand, paginateListObjectsV2, NoSuchKey, S3ServiceException,
} = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const Bucket = process.argv[2];
const s3 = new S3Client({ endpoint: process.env.AWS_ENDPOINT_URL, forcePathStyle: true, maxAttempts: 1 });

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

async function read(Key, options) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...options }));
  const hash = createHash("sha256");
  for await (const chunk of answer.Body) hash.update(chunk);
  return { answer, digest: hash.digest("hex") };
}

async function puts() {
  const data = randomBytes(300_000);
  const put = await s3.send(new PutObjectCommand({
    Bucket, Key: "put/ü +%", Body: data, ContentType: "text/x-test", Metadata: { kind: "first" },
  }));
  assert.ok(put.ChecksumCRC32, "a checksum that the SDK sent is answered");
  const { answer, digest } = await read("put/ü +%", { ChecksumMode: "ENABLED" });
  assert.strictEqual(digest, sha256(data));
  assert.strictEqual(answer.ContentType, "text/x-test");
  assert.deepStrictEqual(answer.Metadata, { kind: "first" });
  assert.strictEqual(answer.ChecksumCRC32, put.ChecksumCRC32);
  const range = await read("put/ü +%", { Range: "bytes=10-19" });
  assert.strictEqual(range.digest, sha256(data.subarray(10, 20)));
  await s3.send(new CopyObjectCommand({ Bucket, Key: "put/copy", CopySource: `${Bucket}/${encodeURIComponent("put/ü +%")}` }));
  assert.strictEqual((await read("put/copy")).digest, sha256(data));
}

// A stream of known length: its checksum goes in a trailer.
async function streams() {
  const data = randomBytes(1 << 20);
  await s3.send(new PutObjectCommand({ Bucket, Key: "stream", Body: Readable.from([data]), ContentLength: data.length }));
  assert.strictEqual((await read("stream")).digest, sha256(data));
}

// Streams of unknown length, in one part and in several.
async function uploads() {
  for (const [Key, size] of [["upload/small", 1000], ["upload/large", 12 << 20]]) {
    const data = randomBytes(size);
    const chunks = function* () {
      for (let i = 0; i < size; i += 100_000) yield data.subarray(i, i + 100_000);
    };
    const upload = new Upload({ client: s3, params: { Bucket, Key, Body: Readable.from(chunks()) }, queueSize: 3, partSize: 5 << 20 });
    let loaded = 0;
    upload.on("httpUploadProgress", (progress) => { loaded = progress.loaded; });
    await upload.done();
    assert.strictEqual(loaded, size);
    assert.strictEqual((await read(Key)).digest, sha256(data));
  }
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "upload/large", ChecksumMode: "ENABLED" }));
  assert.match(head.ETag, /-3"$/);
  assert.ok(head.ChecksumCRC32, "the object of parts has a checksum");
}

async function errors() {
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "none" })), NoSuchKey);
  await assert.rejects(
    s3.send(new PutObjectCommand({ Bucket, Key: "stream", Body: "x", IfNoneMatch: "*" })),
    (e) => e instanceof S3ServiceException && e.name === "PreconditionFailed" && e.$metadata.httpStatusCode === 412);
  await assert.rejects(
    s3.send(new PutObjectCommand({ Bucket, Key: "wrong", Body: "x", ChecksumSHA256: sha256("").slice(0, 43) + "=" })),
    (e) => e.$metadata.httpStatusCode === 400);
}

async function removes() {
  const keys = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
    for (const { Key } of page.Contents ?? []) keys.push(Key);
  }
  assert.deepStrictEqual(keys, ["put/copy", "put/ü +%", "stream", "upload/large", "upload/small"]);
  const first = keys.pop();
  await s3.send(new DeleteObjectCommand({ Bucket, Key: first }));
  const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
  assert.strictEqual(Errors, undefined);
  assert.strictEqual(Deleted.length, keys.length);
}

(async () => {
  for (const step of [puts, streams, uploads, errors, removes]) await step();
  console.log("done");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
