package s3

import (
	"net/http"
	"slices"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// standard is the storage class of what names none.
const standard = "STANDARD"

// storageClasses are the names that an object can have. They are kept and given
// back: there is one kind of storage, and every one of these classes promises
// no more than that it can be read at once (User Guide, Understanding and
// managing Amazon S3 storage classes).
var storageClasses = []string{standard, "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}

// otherStorageClasses are AWS's names beside these: archives, whose objects
// must be restored before they can be read, and what belongs to other kinds of
// buckets (API Reference, PutObject).
var otherStorageClasses = []string{"GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP"}

func checkStorageClass(class string) error {
	switch {
	case class == "" || slices.Contains(storageClasses, class):
		return nil
	case slices.Contains(otherStorageClasses, class):
		return notBuilt("x-amz-storage-class", "The storage class "+class)
	}
	return awserr.New(http.StatusBadRequest, "InvalidStorageClass", "The storage class you specified is not valid").
		With("StorageClassRequested", clip(class))
}

// describe adds to the metadata of a new object what is not copied with an
// object, and so is always that of the request (API Reference, CopyObject).
func (h *settingHeaders) describe(m *object.Metadata) {
	m.WebsiteRedirect = h.WebsiteRedirectLocation
	if m.StorageClass = h.StorageClass; m.StorageClass == standard {
		m.StorageClass = ""
	}
}

// storageClass is the class of an object as listings show it.
func storageClass(m *object.Metadata) string {
	if m.StorageClass == "" {
		return standard
	}
	return m.StorageClass
}
