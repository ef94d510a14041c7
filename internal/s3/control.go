package s3

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// controlVersion begins the paths of S3 Control.
const controlVersion = "/v20180820/"

// controlNamespace is that of S3 Control's answers.
const controlNamespace = "http://awss3control.amazonaws.com/doc/2018-08-20/"

// ControlAPI returns the table of S3 Control, the API of S3 about whole
// accounts, as far as it is offered: the account's public access block. Its
// requests are signed for S3 and told from S3's by a header that only they have
// (API Reference, S3 Control: x-amz-account-id).
func (s *Service) ControlAPI() api.Service {
	return api.Service{
		Name:     "s3-control",
		SignedAs: "s3",
		Claims: func(r *http.Request, bucket string) bool {
			account := r.Header.Get("X-Amz-Account-Id")
			// The account stands in front of the host name as a bucket would.
			return account != "" && strings.HasPrefix(r.URL.Path, controlVersion) && (bucket == "" || bucket == account)
		},
		Protocol: api.WrappedRestXML(),
		Operations: []api.Operation{
			api.Op("GetPublicAccessBlock", "GET "+controlVersion+"configuration/publicAccessBlock", needAccount[accountTarget]("s3:GetAccountPublicAccessBlock"), s.getAccountBlock),
			api.Op("PutPublicAccessBlock", "PUT "+controlVersion+"configuration/publicAccessBlock", needAccount[putAccountBlockInput]("s3:PutAccountPublicAccessBlock"), s.putAccountBlock),
			api.Op("DeletePublicAccessBlock", "DELETE "+controlVersion+"configuration/publicAccessBlock", needAccount[accountTarget]("s3:PutAccountPublicAccessBlock"), s.deleteAccountBlock),
		},
	}
}

// accountTarget is the account that a request is about.
type accountTarget struct {
	AccountID string `header:"X-Amz-Account-Id" required:"" pattern:"[0-9]{12}"`
}

func (t *accountTarget) account() string { return t.AccountID }

// needAccount states one action on an account, which only its own callers can
// be allowed.
func needAccount[In any, T interface {
	*In
	account() string
}](action string) api.Needs[In] {
	return func(_ context.Context, in *In) ([]api.Permission, error) {
		return []api.Permission{{Action: action, Resource: "*", ResourceAccount: T(in).account()}}, nil
	}
}

type putAccountBlockInput struct {
	accountTarget
	digestHeaders
	PublicAccessBlockConfiguration *publicAccessBlockXML `payload:"xml"`
}

func (s *Service) putAccountBlock(ctx context.Context, in *putAccountBlockInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if in.PublicAccessBlockConfiguration == nil {
		return nil, malformedXML()
	}
	text, err := json.Marshal(in.PublicAccessBlockConfiguration.publicAccessBlock)
	if err != nil {
		return nil, err
	}
	return nothing, s.store.Update(ctx, func(w metastore.Writer) error {
		return metastore.S3AccountDocuments.Put(ctx, w, in.AccountID, accountBlock, &metastore.AccountDocument{Document: string(text), Updated: s.clock().UTC()})
	})
}

func (s *Service) getAccountBlock(ctx context.Context, in *accountTarget) (*publicAccessBlockOutput, error) {
	block, err := accountBlockOf(ctx, s.store.Hot(), in.AccountID)
	if err != nil {
		return nil, err
	}
	if block == nil {
		return nil, noPublicAccessBlock().With("AccountId", in.AccountID)
	}
	out := answerBlock(block)
	out.PublicAccessBlockConfiguration.XMLName = xml.Name{Space: controlNamespace, Local: "PublicAccessBlockConfiguration"}
	return out, nil
}

func (s *Service) deleteAccountBlock(ctx context.Context, in *accountTarget) (*noContent, error) {
	return deleted, s.store.Update(ctx, func(w metastore.Writer) error {
		if err := metastore.S3AccountDocuments.Delete(ctx, w, in.AccountID, accountBlock); !errors.Is(err, metastore.ErrNotFound) {
			return err
		}
		return nil
	})
}
