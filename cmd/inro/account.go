package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"inro.dev/inro/internal/admin"
	"inro.dev/inro/internal/server"
)

type accountCommand struct {
	Create accountCreateCommand `cmd:"" help:"Make an account. Its root access key is printed, this once."`
	List   accountListCommand   `cmd:"" help:"List the accounts."`
	Rename accountRenameCommand `cmd:"" help:"Change the display name of an account."`
}

// adminOptions say which server is meant and how its answer is printed.
type adminOptions struct {
	overrides
	JSON bool `name:"json" help:"Print JSON."`
}

// client returns a client of the running server: that of a data folder or
// configuration that was named, else that of AWS_ENDPOINT_URL with
// AWS_ACCESS_KEY_ID, else that of the default folder.
func (o *adminOptions) client() (*admin.Client, error) {
	if o.Data == "" && o.Config == "" {
		if client, ok, err := server.AdminClientFromEnv(os.Getenv); ok || err != nil {
			return client, err
		}
	}
	cfg, err := o.resolve()
	if err != nil {
		return nil, err
	}
	return server.AdminClient(cfg)
}

type accountCreateCommand struct {
	adminOptions
	ID              string `name:"id" help:"Number of the account, twelve digits; default: a random one." placeholder:"ID"`
	Name            string `help:"Display name." placeholder:"NAME"`
	AccessKeyID     string `help:"Root access key id; default: one is made." placeholder:"ID"`
	SecretAccessKey string `name:"secret-access-key-file" help:"File with the root secret access key, to go with --access-key-id; - is standard input." placeholder:"FILE"`
}

// maxSecretFileBytes bounds the file of a secret access key.
const maxSecretFileBytes = 4 << 10

// Run makes the account and prints it.
func (c *accountCreateCommand) Run(s *streams) error {
	in := &admin.CreateAccountInput{AccountID: c.ID, Name: c.Name, AccessKeyID: c.AccessKeyID}
	if c.SecretAccessKey != "" {
		secret, err := readSecret(c.SecretAccessKey)
		if err != nil {
			return fmt.Errorf("secret access key: %w", err)
		}
		in.SecretAccessKey = secret
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	out, err := client.CreateAccount(context.Background(), in)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, struct {
			admin.Account
			AccessKeyID     string `json:"accessKeyId"`
			SecretAccessKey string `json:"secretAccessKey"`
		}{out.Account, out.AccessKeyID, out.SecretAccessKey})
	}
	_, err = fmt.Fprintf(s.out, "account               %s\naccess key id         %s\nsecret access key     %s\ncredentials endpoint  %s\n",
		out.Account.AccountID, out.AccessKeyID, out.SecretAccessKey, out.Account.CredentialsEndpoint)
	return err
}

// readSecret reads a secret from a file, or from standard input.
func readSecret(path string) (string, error) {
	from := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxSecretFileBytes))
	return strings.TrimSpace(string(text)), err
}

type accountListCommand struct{ adminOptions }

// Run prints the accounts by number.
func (c *accountListCommand) Run(s *streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	accounts, err := client.ListAccounts(context.Background())
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, accounts)
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ACCOUNT\tCREATED\tCREDENTIALS ENDPOINT\tNAME")
	for _, a := range accounts {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", a.AccountID, a.CreatedAt.UTC().Format(time.DateOnly), a.CredentialsEndpoint, a.Name)
	}
	return table.Flush()
}

type accountRenameCommand struct {
	adminOptions
	ID   string `arg:"" name:"id" help:"Number of the account."`
	Name string `arg:"" help:"The new name; an empty one takes it away."`
}

// Run renames the account.
func (c *accountRenameCommand) Run(s *streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	account, err := client.UpdateAccount(context.Background(), c.ID, c.Name)
	if err != nil || !c.JSON {
		return err
	}
	return printJSON(s.out, account)
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
