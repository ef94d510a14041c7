package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"inro.dev/inro/internal/object"
)

// usageCollector sums up what buckets hold, when metrics are read. It reads one
// short row for each bucket and none of objects.
type usageCollector struct{ objects *object.Engine }

var (
	usageBuckets = prometheus.NewDesc("inro_buckets", "Buckets.", nil, nil)
	usageBytes   = prometheus.NewDesc("inro_stored_bytes", "Size of all versions and of the parts of uploads in progress, as clients sent them.", nil, nil)
	usageObjects = prometheus.NewDesc("inro_stored_objects", "Versions of objects, delete markers aside.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (usageCollector) Describe(out chan<- *prometheus.Desc) {
	out <- usageBuckets
	out <- usageBytes
	out <- usageObjects
}

// Collect implements [prometheus.Collector]. A bucket that cannot be read, because
// it was deleted in between, counts for nothing.
func (c usageCollector) Collect(out chan<- prometheus.Metric) {
	const page = 1000
	ctx := context.Background()
	var sum object.Usage
	count, after := 0, ""
	for {
		buckets, err := c.objects.Buckets(ctx, "", "", after, page)
		if err != nil {
			return
		}
		for _, b := range buckets {
			after = b.Name
			if u, err := c.objects.Usage(ctx, b.Name); err == nil {
				count++
				sum.Bytes += u.Bytes
				sum.Objects += u.Objects
			}
		}
		if len(buckets) < page {
			break
		}
	}
	out <- prometheus.MustNewConstMetric(usageBuckets, prometheus.GaugeValue, float64(count))
	out <- prometheus.MustNewConstMetric(usageBytes, prometheus.GaugeValue, float64(sum.Bytes))
	out <- prometheus.MustNewConstMetric(usageObjects, prometheus.GaugeValue, float64(sum.Objects))
}
