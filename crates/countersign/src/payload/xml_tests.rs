use std::fmt::Debug;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::xml::read;
use super::*;

#[track_caller]
fn is<T: DeserializeOwned + PartialEq + Debug>(document: &str, expected: T) {
    assert_eq!(
        read::<T>(document.as_bytes()).map_err(|e| e.explain()),
        Ok(expected),
        "{document}"
    );
}

#[track_caller]
fn refused<T: DeserializeOwned>(document: impl AsRef<[u8]>) -> (PayloadErrorKind, String) {
    match read::<T>(document.as_ref()) {
        Ok(_) => panic!("accepted"),
        Err(error) => {
            let text = error.explain();
            let (_, found) = text.split_once(": ").unwrap();
            (error.kind(), found.to_owned())
        }
    }
}

/// Whatever the type asks for, here nothing.
#[track_caller]
fn malformed(document: impl AsRef<[u8]>, found: &str) {
    let expected = (PayloadErrorKind::Malformed, found.to_owned());
    assert_eq!(refused::<IgnoredAny>(document), expected);
}

#[derive(Debug, Deserialize, PartialEq)]
struct A<T> {
    a: T,
}

/// The shape of Shopify's XML webhooks: names with dashes, types and nil as attributes.
#[test]
fn shopifys_order() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    struct Order {
        id: Id,
        email: String,
        note: String,
        test: bool,
        total_price: f64,
        line_items: LineItems,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Id {
        #[serde(rename = "@type")]
        kind: String,
        #[serde(rename = "$text")]
        number: u64,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    struct LineItems {
        #[serde(default)]
        line_item: Vec<LineItem>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct LineItem {
        title: String,
        quantity: u32,
    }
    let document = r#"<?xml version="1.0" encoding="UTF-8"?>
<order>
  <id type="integer">820982911946154508</id>
  <email>jon@example.com</email>
  <note nil="true"/>
  <test type="boolean">true</test>
  <total-price type="decimal">403.00</total-price>
  <line-items type="array">
    <line-item><title>IPod &amp; Nano &#8212; 8GB</title><quantity type="integer">1</quantity></line-item>
    <line-item><quantity>2</quantity><title><![CDATA[a < b]]></title><sku/></line-item>
  </line-items>
</order>
"#;
    let item = |title: &str, quantity| LineItem {
        title: title.into(),
        quantity,
    };
    let order = || Order {
        id: Id {
            kind: "integer".into(),
            number: 820_982_911_946_154_508,
        },
        email: "jon@example.com".into(),
        note: String::new(),
        test: true,
        total_price: 403.0,
        line_items: LineItems {
            line_item: vec![item("IPod & Nano — 8GB", 1), item("a < b", 2)],
        },
    };
    is(document, order());
    is(&format!("\u{feff}{document}"), order());
    is(&document.replace("UTF-8", "utf-8"), order());
}

/// Zapier sends one element for each field, in a root of its own.
#[test]
fn zapiers_fields() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Fields {
        name: String,
        age: Option<u8>,
        tag: Vec<String>,
    }
    let fields = |age| Fields {
        name: "Bryan".into(),
        age,
        tag: vec!["a".into(), "b".into()],
    };
    is(
        "<root><name>Bryan</name><age>27</age><tag>a</tag><tag>b</tag></root>",
        fields(Some(27)),
    );
    is(
        "<root><name>Bryan</name><tag>a</tag><tag>b</tag></root>",
        fields(None),
    );
    let nil = r#"<root xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><name>Bryan</name><age xsi:nil="true"/>
        <tag>a</tag><tag>b</tag></root>"#;
    is(nil, fields(None));
}

#[test]
fn another_type() {
    let mismatch = |found: &str| (PayloadErrorKind::Mismatch, found.to_owned());
    assert_eq!(
        refused::<A<u8>>("<r><b>1</b></r>"),
        mismatch("missing field `a`")
    );
    assert_eq!(
        refused::<A<u8>>("<r><a>1</a><a>2</a></r>"),
        mismatch("duplicate field `a`")
    );
    assert_eq!(
        refused::<A<Vec<u8>>>("<r><a>1</a><b/><a>2</a></r>"),
        mismatch("duplicate field `a`")
    );
    assert_eq!(
        refused::<A<u8>>("<r><a>x</a></r>"),
        mismatch("invalid type: string \"x\", expected u8")
    );
    assert_eq!(
        refused::<A<Option<u8>>>("<r><a/></r>"),
        mismatch("invalid type: string \"\", expected u8"),
        "empty is text"
    );
    let error = read::<A<A<u8>>>(b"<r><a><a>planted</a></a></r>").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the XML payload does not fit the type asked for, at `a.a`"
    );
    assert!(!format!("{error:?}").contains("planted") && error.explain().contains("planted"));
}

#[test]
fn one_well_formed_element() {
    for document in [
        "<a/>",
        "<?xml version='1.0'?>\n<!-- a --><a>x</a>\n<?b c?><!-- d -->\n",
        "<a b='&lt;&#x21;'/>",
    ] {
        assert!(
            read::<IgnoredAny>(document.as_bytes()).is_ok(),
            "{document}"
        );
    }
    malformed("", "it has no element");
    malformed("<?xml version='1.0'?>", "it has no element");
    malformed("<a/><b/>", "it has more than one outermost element");
    for outside in [
        "x<a/>",
        "<a/>x",
        "<a/>&lt;",
        "<a/><![CDATA[]]>",
        "\u{a0}<a/>",
    ] {
        malformed(outside, "there is text outside the outermost element");
    }
    malformed("<a><b></b>", "it ends within an element");
    let (kind, _) = refused::<IgnoredAny>("<a><b></a></b>");
    assert_eq!(kind, PayloadErrorKind::Malformed);
    for broken in [
        "<a",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<!-- <a/>",
        "<a><![CDATA[</a>",
        "<a b='&x;'/>",
        "</a>",
    ] {
        assert_eq!(
            refused::<IgnoredAny>(broken).0,
            PayloadErrorKind::Malformed,
            "{broken}"
        );
    }
}

#[test]
fn nothing_expands() {
    let mut laughs = "<!DOCTYPE a [<!ENTITY l0 \"ha\">".to_owned();
    for level in 1..=9 {
        let ten = format!("&l{};", level - 1).repeat(10);
        laughs += &format!("<!ENTITY l{level} \"{ten}\">");
    }
    malformed(
        format!("{laughs}]><r><a>&l9;</a></r>"),
        "it has a document type",
    );
    malformed(
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "it has a document type",
    );
    let unknown = "it refers to an entity that XML does not know by itself";
    malformed("<a>&l0;</a>", unknown);
    malformed("<a>&nbsp;</a>", unknown);
    for reference in [
        "&#0;",
        "&#x110000;",
        "&#xD800;",
        "&#99999999999999999999;",
        "&#;",
        "&#-1;",
    ] {
        let (kind, _) = refused::<IgnoredAny>(format!("<a>{reference}</a>"));
        assert_eq!(kind, PayloadErrorKind::Malformed, "{reference}");
    }
}

#[test]
fn depth_and_work_are_bounded() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "never read")]
    struct Nested {
        a: Option<Box<Nested>>,
    }
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let nested = read::<Nested>(format!("<a>{}</a>", "<a x=''/>").as_bytes());
    assert!(nested.is_ok());
    assert!(read::<IgnoredAny>(deep(64).as_bytes()).is_ok());
    for depth in [65, 100_000] {
        let found = (
            PayloadErrorKind::Malformed,
            "elements are nested too deep".to_owned(),
        );
        assert_eq!(refused::<Nested>(deep(depth)), found);
        assert_eq!(refused::<IgnoredAny>(deep(depth)), found);
        assert_eq!(refused::<IgnoredAny>("<a>".repeat(depth)), found);
    }
    malformed(
        format!("{}<b/>{}", "<a>".repeat(64), "</a>".repeat(64)),
        "elements are nested too deep",
    );

    let wide = |children: usize| {
        format!(
            "<r a='{}'>{}</r>",
            "x".repeat(1_024 * 1_024 - 6),
            "<b/>".repeat(children)
        )
    };
    assert!(read::<IgnoredAny>(wide(16).as_bytes()).is_ok());
    malformed(wide(17), "long tags hold too many elements");
    let attributes: String = (0..100_000).map(|at| format!(" a{at}=''")).collect();
    assert!(read::<IgnoredAny>(format!("<r{attributes}/>").as_bytes()).is_ok());
}

#[test]
fn utf_8_alone() {
    let other = (
        PayloadErrorKind::Unsupported,
        "it is declared in another encoding than UTF-8".to_owned(),
    );
    for encoding in ["ISO-8859-1", "UTF-16", "us-ascii", ""] {
        let document = format!("<?xml version='1.0' encoding='{encoding}'?><a/>");
        assert_eq!(refused::<IgnoredAny>(document), other, "{encoding}");
    }
    malformed(b"<a>\xe9</a>", "it is no UTF-8");
    malformed(b"\xfe\xff\0<\0a\0/\0>", "it is no UTF-8");
}
