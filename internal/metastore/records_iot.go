package metastore

import "time"

// The records of IoT. IDs are names as they are written, which IoT compares
// with regard to case; a certificate's is its certificateId.
var (
	Things = NewTable("iot-thing",
		Index[Thing]{"type", func(t *Thing) []string { return nonEmpty(t.TypeName) }},
		Index[Thing]{"attribute", attributesOf})
	ThingTypes  = NewTable[ThingType]("iot-thing-type")
	ThingGroups = NewTable("iot-thing-group",
		Index[ThingGroup]{"parent", func(g *ThingGroup) []string { return nonEmpty(g.Parent) }})
	Certificates = NewTable("iot-certificate",
		Index[Certificate]{"created", func(c *Certificate) []string { return []string{SortableTime(c.Created)} }})
	IoTPolicies = NewTable("iot-policy",
		Index[IoTPolicy]{"created", func(p *IoTPolicy) []string { return []string{SortableTime(p.Created)} }})
	RoleAliases = NewTable("iot-role-alias",
		Index[RoleAlias]{"created", func(a *RoleAlias) []string { return []string{SortableTime(a.Created)} }})

	// ThingGroupMembers: from group name to thing name.
	ThingGroupMembers = NewRelation("iot-thing-group-member")
	// ThingPrincipals: from thing name to certificateId; the value is
	// ExclusiveThing or NonExclusiveThing.
	ThingPrincipals = NewRelation("iot-thing-principal")
	// IoTPolicyAttachments: from policy name to an attachment point, see
	// CertificatePoint and ThingGroupPoint.
	IoTPolicyAttachments = NewRelation("iot-policy-attachment")
)

// Values of ThingPrincipals (IoT API reference, thingPrincipalType).
const (
	ExclusiveThing    = "EXCLUSIVE_THING"
	NonExclusiveThing = "NON_EXCLUSIVE_THING"
)

// CertificatePoint is the attachment point of a certificate.
func CertificatePoint(certificateID string) string { return "cert/" + certificateID }

// ThingGroupPoint is the attachment point of a thing group.
func ThingGroupPoint(groupName string) string { return "thinggroup/" + groupName }

// SortableTime renders t so that byte order is time order.
func SortableTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// AttributeValue is the value of the index "attribute" of Things. With an
// empty value it is the prefix of all values of that attribute.
func AttributeValue(name, value string) string { return name + "=" + value }

func attributesOf(t *Thing) []string {
	values := make([]string, 0, len(t.Attributes))
	for name, value := range t.Attributes {
		values = append(values, AttributeValue(name, value))
	}
	return values
}

// Thing is a device in the registry.
type Thing struct {
	Name         string
	ThingID      string            // UUID
	TypeName     string            `json:",omitempty"`
	Attributes   map[string]string `json:",omitempty"`
	Version      int64
	BillingGroup string `json:",omitempty"`
	Created      time.Time
}

// ThingType is a type of things.
type ThingType struct {
	Name                 string
	TypeID               string   // UUID
	Description          string   `json:",omitempty"`
	SearchableAttributes []string `json:",omitempty"`
	Created              time.Time
	// Deprecated is when the type was deprecated; zero: it is not.
	Deprecated time.Time `json:",omitzero"`
	Tags       []Tag     `json:",omitempty"`
}

// ThingGroup is a static group of things. Parents form a tree.
type ThingGroup struct {
	Name        string
	GroupID     string            // UUID
	Parent      string            `json:",omitempty"`
	Description string            `json:",omitempty"`
	Attributes  map[string]string `json:",omitempty"`
	Version     int64
	Created     time.Time
	Tags        []Tag `json:",omitempty"`
}

// Statuses of a certificate (IoT API reference, CertificateStatus).
const (
	CertificateActive            = "ACTIVE"
	CertificateInactive          = "INACTIVE"
	CertificateRevoked           = "REVOKED"
	CertificatePendingTransfer   = "PENDING_TRANSFER"
	CertificatePendingActivation = "PENDING_ACTIVATION"
)

// Certificate is a registered device certificate.
type Certificate struct {
	PEM       string
	Status    string
	NotBefore time.Time
	NotAfter  time.Time
	// CACertificateID is the registered CA, or "".
	CACertificateID string `json:",omitempty"`
	// Mode is DEFAULT or SNI_ONLY.
	Mode     string
	Created  time.Time
	Modified time.Time
	// CustomerVersion starts at 1 and grows with each change.
	CustomerVersion int64
	GenerationID    string // UUID, new with each change
}

// IoTPolicy is a policy for devices.
type IoTPolicy struct {
	Name string
	// DefaultVersion and each version's ID are "1", "2", …; NextVersion is the
	// number that the next one gets, never used before.
	DefaultVersion    string
	NextVersion       int
	Versions          []PolicyVersion // oldest first, at most 5
	Created, Modified time.Time
	GenerationID      string // UUID, new with each change
	Tags              []Tag  `json:",omitempty"`
}

// DefaultDocument returns the document in force, or "" if there is none.
func (p *IoTPolicy) DefaultDocument() string { return documentOf(p.Versions, p.DefaultVersion) }

// RoleAlias names a role to devices.
type RoleAlias struct {
	Alias   string
	RoleARN string
	// CredentialDurationSeconds is 900 to 43200.
	CredentialDurationSeconds int
	Created, Modified         time.Time
	Tags                      []Tag `json:",omitempty"`
}
