package api

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// xmlList is a list whose items take much memory and little text.
type xmlList struct {
	Items []struct{ A, B, C, D, E, F []string }
}

func TestXMLBodiesAreBoundedByWhatTheyDecodeTo(t *testing.T) {
	item := "<Items><A>1</A><B>&quot;b&quot;</B></Items>"
	for _, c := range []struct {
		name, body string
		ok         bool
	}{
		{"the longest list", "<L>" + strings.Repeat(item, maxXMLChildren) + "</L>", true},
		{"one more", "<L>" + strings.Repeat(item, maxXMLChildren+1) + "</L>", false},
		{"too many in all", "<L>" + strings.Repeat("<Items>"+strings.Repeat("<A/>", 20)+"</Items>", 5000) + "</L>", false},
		{"as deep as may be", strings.Repeat("<L>", maxXMLDepth) + strings.Repeat("</L>", maxXMLDepth), true},
		{"too deep", strings.Repeat("<L>", maxXMLDepth+1) + strings.Repeat("</L>", maxXMLDepth+1), false},
		{"a namespace", `<L xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + item + "</L>", true},
		{"a long tag", "<L " + strings.Repeat(`a="" `, maxXMLTagBytes/5) + "></L>", false},
		{"a long tag without end", "<L " + strings.Repeat(`a="" `, maxXMLTagBytes/5), false},
		{"many attributes", "<L>" + strings.Repeat(`<A a="" b=""/>`, maxXMLAttributes) + "</L>", false},
		{"long text", "<L><A>" + strings.Repeat("k", 1<<20) + "</A></L>", true},
		{"brackets in text", "<L><Items><A><![CDATA[a<b<c>d]]></A></Items></L>", true},
		{"an end too many", "<L></L></L>", false},
		{"a directive of entities", `<!DOCTYPE L [<!ENTITY a "aaaa">]><L><A>&a;</A></L>`, false},
	} {
		if err := unmarshalXML([]byte(c.body), new(xmlList)); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestRefusedXMLTakesLittleMemory(t *testing.T) {
	for _, body := range []string{
		"<L>" + strings.Repeat("<Items/>", 900_000) + "</L>",
		strings.Repeat("<a>", 2_000_000),
		"<L " + strings.Repeat(`a="" `, 1_500_000) + "></L>",
	} {
		var before, after runtime.MemStats
		text := []byte(body)
		runtime.ReadMemStats(&before)
		if err := unmarshalXML(text, new(xmlList)); err == nil {
			t.Errorf("%.20s… of %d bytes was accepted", body, len(body))
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Error(fmt.Sprintf("%.20s…", body), "of", len(body), "bytes took", took, "bytes to refuse, want at most 16 MiB")
		}
	}
}
