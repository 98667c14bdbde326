//! DER as a tree, to change one element and write the lengths around it right again.

/// One element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: u8,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Elements(Vec<Element>),
}

/// What is done to an element, by name.
pub(crate) const CHANGES: [&str; 8] = [
    "removed",
    "twice",
    "emptied",
    "tag-changed",
    "a-byte-behind",
    "length-in-two-bytes",
    "length-left-open",
    "flipped",
];

impl Element {
    /// Reads one element of definite length and nothing behind it.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let (element, rest) = Self::read(der)?;
        rest.is_empty().then_some(element)
    }

    fn read(der: &[u8]) -> Option<(Self, &[u8])> {
        let (&tag, rest) = der.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (bytes, tail) = rest.split_at_checked(usize::from(first & 0x7f))?;
            length = bytes
                .iter()
                .try_fold(0_usize, |sum, byte| {
                    sum.checked_mul(256)?.checked_add(usize::from(*byte))
                })
                .filter(|_| !bytes.is_empty())?;
            rest = tail;
        }
        let (bytes, rest) = rest.split_at_checked(length)?;
        let content = match tag & 0x20 {
            0 => Content::Bytes(bytes.to_vec()),
            _ => Content::Elements(Self::all(bytes)?),
        };
        Some((Self { tag, content }, rest))
    }

    fn all(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut elements = Vec::new();
        while !bytes.is_empty() {
            let (element, rest) = Self::read(bytes)?;
            elements.push(element);
            bytes = rest;
        }
        Some(elements)
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        crate::forge::tlv(self.tag, &self.inner())
    }

    pub(crate) fn inner(&self) -> Vec<u8> {
        match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Elements(elements) => elements.iter().flat_map(Self::to_der).collect(),
        }
    }

    pub(crate) fn children(&self) -> &[Self] {
        match &self.content {
            Content::Elements(elements) => elements,
            Content::Bytes(_) => &[],
        }
    }

    /// The way to every element, down to `depth`: outermost first, `0.2.1` for the second child of the third child.
    pub(crate) fn ways(&self, depth: usize) -> Vec<Vec<usize>> {
        let mut ways = vec![Vec::new()];
        if depth > 0 {
            for (index, child) in self.children().iter().enumerate() {
                let below = child.ways(depth - 1).into_iter();
                ways.extend(below.map(|way| [vec![index], way].concat()));
            }
        }
        ways
    }

    /// The DER after one change of the element at the end of `way`; `None` where it does not apply.
    pub(crate) fn changed(&self, way: &[usize], change: &str) -> Option<Vec<u8>> {
        let Some((&first, rest)) = way.split_first() else {
            return self.change(change);
        };
        let children = self.children();
        let mut parts: Vec<Vec<u8>> = children.iter().map(Self::to_der).collect();
        *parts.get_mut(first)? = children.get(first)?.changed(rest, change)?;
        Some(crate::forge::tlv(self.tag, &parts.concat()))
    }

    fn change(&self, change: &str) -> Option<Vec<u8>> {
        let inner = self.inner();
        let der = self.to_der();
        match change {
            "removed" => Some(Vec::new()),
            "twice" => Some(der.repeat(2)),
            "emptied" => (!inner.is_empty()).then(|| vec![self.tag, 0]),
            "tag-changed" => Some([&[self.tag ^ 1], &der[1..]].concat()),
            "a-byte-behind" => Some(crate::forge::tlv(
                self.tag,
                &[inner.as_slice(), &[0]].concat(),
            )),
            "length-in-two-bytes" => {
                let length = u8::try_from(inner.len())
                    .ok()
                    .filter(|length| *length < 0x80)?;
                Some([&[self.tag, 0x81, length], inner.as_slice()].concat())
            }
            "length-left-open" => (self.tag & 0x20 != 0)
                .then(|| [&[self.tag, 0x80], inner.as_slice(), &[0, 0]].concat()),
            "flipped" => {
                let (&first, rest) = inner.split_first().filter(|_| self.tag & 0x20 == 0)?;
                Some(crate::forge::tlv(
                    self.tag,
                    &[&[first ^ 0xff], rest].concat(),
                ))
            }
            other => unreachable!("no change is called {other}"),
        }
    }
}

/// What of a timestamp response is signed or says who signed: content, signer, hash, attributes, signature.
pub(crate) fn signed_parts_of_timestamp(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let response = Element::parse(der)?;
    let first = response.children().first()?;
    // A bare token begins with an identifier, a response with its status.
    let (status, token) = if first.tag == 6 {
        (Vec::new(), &response)
    } else {
        let granted = match first.children().first()?.inner().as_slice() {
            [0 | 1] => Vec::new(),
            other => other.to_vec(),
        };
        (granted, response.children().get(1)?)
    };
    let extra = response.children().get(2).map(Element::to_der);
    let [kind, wrapped] = token.children() else {
        return None;
    };
    let data = wrapped.children().first()?.children();
    let content = data.get(2)?;
    let signers = data.last().filter(|set| set.tag == 0x31)?;
    let mut parts = vec![
        status,
        extra.unwrap_or_default(),
        kind.to_der(),
        content.to_der(),
    ];
    for signer in signers.children() {
        let fields = signer.children();
        let whole = |element: Option<&Element>| element.map(Element::to_der).unwrap_or_default();
        parts.extend([1, 3].map(|at| whole(fields.get(at))));
        // A hash has no parameters that would mean anything.
        parts.push(whole(
            fields.get(2).and_then(|hash| hash.children().first()),
        ));
        parts.push(whole(fields.iter().find(|field| field.tag == 4)));
    }
    Some(parts)
}
