package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"

	"inro.dev/inro/internal/sigv4"
	"inro.dev/inro/test/rig"
)

// suiteRevision is the revision of ceph/s3-tests that results.md speaks of.
const suiteRevision = "8f0ae7b404a3a2fcf7038bf1e6bf29544fe9b6a3"

// principal is one of the suite's six users.
type principal struct {
	section     string
	credentials sigv4.Credentials
	// userID is what the suite takes for the canonical user of ACLs and for the
	// name of an IAM user.
	userID      string
	displayName string
	email       string
}

// accounts are the users of one worker.
type accounts struct {
	worker     int
	principals []principal
}

// mainAccount is the number of the account of a worker's "s3 main", which must
// be known when the server starts: it owns the keys that kmsKeys names.
func mainAccount(worker int) string { return fmt.Sprintf("1%011d", worker) }

// keyARN is how answers name a key, which the suite compares.
func keyARN(worker int, key string) string {
	return "arn:aws:kms:us-east-1:" + mainAccount(worker) + ":key/" + key
}

// kmsKeys are the named keys of SSE-KMS that a worker's tests use.
func kmsKeys(worker int) [2]string {
	return [2]string{fmt.Sprintf("testkey-1-%d", worker), fmt.Sprintf("testkey-2-%d", worker)}
}

// config is the suite's configuration file.
func (a *accounts) config(server *rig.Server) []byte {
	host, port := splitEndpoint(server.Env["AWS_ENDPOINT_URL"])
	var b bytes.Buffer
	fmt.Fprintf(&b, "[DEFAULT]\nhost = %s\nport = %s\nis_secure = False\nssl_verify = False\n", host, port)
	fmt.Fprintf(&b, "\n[fixtures]\nbucket prefix = s3t-{random}-\n")
	for _, p := range a.principals {
		fmt.Fprintf(&b, "\n[%s]\naccess_key = %s\nsecret_key = %s\nuser_id = %s\ndisplay_name = %s\nemail = %s\n",
			p.section, p.credentials.AccessKeyID, p.credentials.SecretAccessKey, p.userID, p.displayName, p.email)
		switch p.section {
		case "s3 main":
			keys := kmsKeys(a.worker)
			fmt.Fprintf(&b, "api_name = us-east-1\nlc_debug_interval = %d\nkms_keyid = %s\nkms_keyid2 = %s\n", lifecycleDaySeconds, keyARN(a.worker, keys[0]), keyARN(a.worker, keys[1]))
		case "s3 tenant":
			fmt.Fprintf(&b, "tenant = %s\n", p.displayName)
		}
	}
	return b.Bytes()
}

// lifecycleDaySeconds is how long the server's lifecycle takes a day to be.
const lifecycleDaySeconds = 10

const (
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	storage       = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
)

// makeAccounts makes the users of one worker, in accounts of its own: to S3 an
// account is one canonical user, so the suite's three owners are three accounts.
func makeAccounts(ctx context.Context, server *rig.Server, worker int) (*accounts, error) {
	made := map[string]*rig.Account{}
	for _, name := range []string{"main", "alt", "tenant", "root", "altroot"} {
		id := ""
		if name == "main" {
			id = mainAccount(worker)
		}
		account, err := server.CreateAccount(fmt.Sprintf("%s%d", name, worker), id)
		if err != nil {
			return nil, err
		}
		made[name] = account
	}
	a := &accounts{worker: worker}
	for _, u := range []struct{ section, account, policy string }{
		{"s3 main", "main", administrator},
		// The suite takes the canonical user of "s3 alt" for its user name, and
		// has "iam" change that user's policies.
		{"s3 alt", "alt", storage},
		{"s3 tenant", "tenant", administrator},
		{"iam", "alt", administrator},
		{"iam root", "root", ""},
		{"iam alt root", "altroot", ""},
	} {
		account := made[u.account]
		p := principal{
			section: u.section, credentials: account.Credentials(), userID: account.CanonicalUserID,
			displayName: account.Name, email: account.Name + "@example.com",
		}
		if u.section == "iam root" {
			p.userID = account.AccountID // compared with GetCallerIdentity's UserId
		}
		if u.policy != "" {
			name := "admin"
			if u.section == "s3 alt" {
				name = account.CanonicalUserID
			}
			root := rig.NewAWS(server.Env["AWS_ENDPOINT_URL"], account.Credentials(), server.Env["AWS_DEFAULT_REGION"])
			var err error
			if p.credentials, err = root.CreateUser(ctx, name, u.policy); err != nil {
				return nil, err
			}
		}
		a.principals = append(a.principals, p)
	}
	return a, nil
}

// splitEndpoint takes an endpoint URL apart.
func splitEndpoint(endpoint string) (host, port string) {
	u, err := url.Parse(endpoint)
	if err != nil {
		panic(err) // the server's own words
	}
	return u.Hostname(), u.Port()
}
