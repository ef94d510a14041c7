package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"

	"inro.dev/inro/internal/admin"
)

type bucketCommand struct {
	Usage bucketUsageCommand `cmd:"" help:"Print what a bucket of a running server holds."`
	Quota bucketQuotaCommand `cmd:"" help:"Print or change what a bucket may hold."`
}

type bucketUsageCommand struct {
	adminOptions
	Name    string `arg:"" help:"Name of the bucket."`
	Folders bool   `help:"Print each folder too: what keys share up to their first slash."`
}

// Run prints the usage of the bucket, then that of its folders.
func (c *bucketUsageCommand) Run(s *streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	usage, err := client.GetBucketUsage(context.Background(), c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.printJSON(s.out, client, usage)
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "BYTES\tOBJECTS\t")
	fmt.Fprintf(table, "%d\t%d\t  %s\n", usage.Bytes, usage.Objects, c.Name)
	if c.Folders {
		if err := eachFolder(client, c.Name, func(f *admin.FolderUsage) {
			fmt.Fprintf(table, "%d\t%d\t  %s\n", f.Bytes, f.Objects, strconv.Quote(f.Folder+"/"))
		}); err != nil {
			return err
		}
	}
	return table.Flush()
}

func (c *bucketUsageCommand) printJSON(w io.Writer, client *admin.Client, usage *admin.Usage) error {
	out := struct {
		Bucket string `json:"bucket"`
		*admin.Usage
		Folders []admin.FolderUsage `json:"folders,omitempty"`
	}{Bucket: c.Name, Usage: usage}
	if c.Folders {
		if err := eachFolder(client, c.Name, func(f *admin.FolderUsage) { out.Folders = append(out.Folders, *f) }); err != nil {
			return err
		}
	}
	return printJSON(w, out)
}

// eachFolder gives the folders of a bucket, page by page.
func eachFolder(client *admin.Client, bucket string, give func(*admin.FolderUsage)) error {
	token := ""
	for {
		page, err := client.ListFolderUsage(context.Background(), bucket, token)
		if err != nil {
			return err
		}
		for i := range page.Folders {
			give(&page.Folders[i])
		}
		if token = page.NextToken; token == "" {
			return nil
		}
	}
}

type bucketQuotaCommand struct {
	adminOptions
	Name          string  `arg:"" help:"Name of the bucket."`
	Bytes         *amount `help:"Bytes that the bucket may hold, such as 500GiB; 0 takes the limit away." placeholder:"N"`
	Objects       *amount `help:"Objects that the bucket may hold." placeholder:"N"`
	FolderBytes   *amount `help:"Bytes that each folder may hold: what keys share up to their first slash." placeholder:"N"`
	FolderObjects *amount `help:"Objects that each folder may hold." placeholder:"N"`
}

// Run changes what was given and prints the quota.
func (c *bucketQuotaCommand) Run(s *streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	quota, err := client.GetBucketQuota(context.Background(), c.Name)
	if err != nil {
		return err
	}
	limits := [...]struct {
		name  string
		given *amount
		limit *int64
	}{
		{"bytes", c.Bytes, &quota.Bytes}, {"objects", c.Objects, &quota.Objects},
		{"folder bytes", c.FolderBytes, &quota.FolderBytes}, {"folder objects", c.FolderObjects, &quota.FolderObjects},
	}
	before := *quota
	for _, l := range limits {
		if l.given != nil {
			*l.limit = int64(*l.given)
		}
	}
	if *quota != before {
		if err := client.PutBucketQuota(context.Background(), c.Name, *quota); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(s.out, quota)
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, l := range limits {
		limit := "no limit"
		if *l.limit != 0 {
			limit = strconv.FormatInt(*l.limit, 10)
		}
		fmt.Fprintf(table, "%s\t%s\n", l.name, limit)
	}
	return table.Flush()
}

// amount is a number that may end in KiB, MiB, GiB, TiB, or kB, MB, GB, TB.
type amount int64

// UnmarshalText reads an amount.
func (a *amount) UnmarshalText(text []byte) error {
	digits, unit := string(text), int64(1)
	for i, name := range []string{"k", "m", "g", "t"} {
		lower := strings.ToLower(digits)
		if rest, ok := strings.CutSuffix(lower, name+"ib"); ok {
			digits, unit = rest, 1<<(10*(i+1))
		} else if rest, ok := strings.CutSuffix(lower, name+"b"); ok {
			digits, unit = rest, int64(math.Pow10(3*(i+1)))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is not an amount such as 1000 or 500GiB", text)
	}
	*a = amount(n * unit)
	return nil
}
