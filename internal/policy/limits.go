package policy

// Bounds on documents. Beyond the first, which is the model's, they are ours and exceed what fits AWS's quotas.
const (
	// MaxDocumentChars is the longest document, in characters (IAM API model: policyDocumentType).
	MaxDocumentChars = 131072

	maxDepth      = 16    // nested objects and lists; a valid document needs seven
	maxStatements = 2048  // per document
	maxValues     = 16384 // strings, numbers and booleans per document
	maxValueBytes = 8192  // one string
)
