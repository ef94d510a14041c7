package s3

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"

	"inro.dev/inro/internal/awserr"
)

// accessControlPolicy is the body of PutBucketAcl and PutObjectAcl.
type accessControlPolicy struct {
	XMLName xml.Name   `xml:"AccessControlPolicy"`
	Owner   *ownerXML  `xml:"Owner"`
	List    *grantList `xml:"AccessControlList"`
}

type grantList struct {
	Grants []grantXML `xml:"Grant"`
}

type ownerXML struct {
	ID          string `xml:"ID"`
	DisplayName string `xml:"DisplayName"`
}

type grantXML struct {
	Grantee    *granteeXML   `xml:"Grantee"`
	Permission aclPermission `xml:"Permission"`
}

// granteeXML names a grantee by one of three members. Its attribute xsi:type
// says which.
type granteeXML struct {
	Attributes   []xml.Attr `xml:",any,attr"`
	ID           string     `xml:"ID"`
	DisplayName  string     `xml:"DisplayName"`
	EmailAddress string     `xml:"EmailAddress"`
	URI          string     `xml:"URI"`
}

func malformedACL() *awserr.Error {
	return awserr.New(http.StatusBadRequest, "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
}

// list reads the body. owner is the owner's account, who cannot be changed.
func (p *accessControlPolicy) list(ctx context.Context, s *Service, owner string) (acl, error) {
	if p.Owner == nil || p.List == nil || len(p.List.Grants) > maxGrants {
		return acl{}, malformedACL()
	}
	if p.Owner.ID != canonicalUser(owner) {
		return acl{}, accessDenied()
	}
	a := acl{given: true}
	for _, g := range p.List.Grants {
		if g.Grantee == nil || !slices.Contains(aclPermissions, g.Permission) {
			return acl{}, malformedACL()
		}
		who, err := g.Grantee.grantee(ctx, s)
		if err != nil {
			return acl{}, err
		}
		a.grants = append(a.grants, aclGrant{who, g.Permission})
	}
	return a, nil
}

func (g *granteeXML) grantee(ctx context.Context, s *Service) (grantee, error) {
	kind := ""
	for _, a := range g.Attributes {
		if a.Name.Local == "type" {
			kind = a.Value
		}
	}
	switch kind {
	case "CanonicalUser":
		return s.granteeByID(ctx, g.ID)
	case "Group":
		return granteeByURI(g.URI)
	case "AmazonCustomerByEmail":
		return grantee{}, granteeByEmail(g.EmailAddress)
	}
	return grantee{}, malformedACL()
}

// writeACL begins and fills the answer of GetBucketAcl and GetObjectAcl.
func (s *Service) writeACL(ctx context.Context, owner string, grants []aclGrant) (*xmlOutput, error) {
	d := newDocument("AccessControlPolicy", 256*(1+len(grants)))
	if err := s.writeOwner(ctx, d, "Owner", owner); err != nil {
		return nil, err
	}
	d.open("AccessControlList")
	for _, g := range grants {
		d.open("Grant")
		if err := s.writeGrantee(ctx, d, g.grantee); err != nil {
			return nil, err
		}
		d.text("Permission", string(g.permission))
		d.close("Grant")
	}
	d.close("AccessControlList")
	return d.output(), nil
}

func (s *Service) writeGrantee(ctx context.Context, d *document, g grantee) error {
	kind := "Group"
	if g.account != "" {
		kind = "CanonicalUser"
	}
	d.b = append(d.b, `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="`+kind+`">`...)
	if g.account == "" {
		d.text("URI", g.group.uri())
		d.close("Grantee")
		return nil
	}
	name, err := s.displayName(ctx, g.account)
	if err != nil {
		return err
	}
	d.text("ID", canonicalUser(g.account))
	d.text("DisplayName", name)
	d.close("Grantee")
	return nil
}
