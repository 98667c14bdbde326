//! JSON as CEL values.

use std::any::Any;
use std::collections::BTreeMap;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as CelIterator, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use serde_json::Value as Json;

type Owned = Box<dyn Val>;

pub(super) fn of(json: Json) -> Owned {
    match json {
        Json::Null => null(),
        Json::Bool(value) => Box::new(CelBool::from(value)),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => Box::new(CelInt::from(value)),
            (None, Some(value), _) => Box::new(CelUInt::from(value)),
            (None, None, value) => Box::new(CelDouble::from(value.unwrap_or(f64::NAN))),
        },
        Json::String(value) => text(value),
        Json::Array(items) => {
            let items: Vec<Owned> = items.into_iter().map(of).collect();
            Box::new(CelList::from(items))
        }
        Json::Object(members) => Box::new(Object(
            members
                .into_iter()
                .map(|(key, value)| (key.clone(), (CelString::from(key), of(value))))
                .collect(),
        )),
    }
}

pub(super) fn text(value: String) -> Owned {
    Box::new(CelString::from(value))
}

pub(super) fn null() -> Owned {
    Box::new(CelNull)
}

/// A JSON object: CEL's own map is walked in another order on each run.
#[derive(Debug)]
struct Object(BTreeMap<String, (CelString<'static>, Owned)>);

impl Object {
    fn find(&self, key: &dyn Val) -> Result<&Owned, ExecutionError> {
        let Some(key) = key.downcast_ref::<CelString<'_>>() else {
            return Err(ExecutionError::UnexpectedType {
                got: key.get_type().name().to_owned(),
                want: "string".to_owned(),
            });
        };
        match self.0.get(key.inner()) {
            Some((_, value)) => Ok(value),
            None => Err(ExecutionError::no_such_key(key.inner())),
        }
    }

    fn copy(&self) -> Self {
        let copied = self
            .0
            .iter()
            .map(|(key, (name, value))| (key.clone(), (name.clone(), value.clone_as_boxed())));
        Self(copied.collect())
    }
}

impl Val for Object {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn into_indexer<'v>(self: Box<Self>) -> Option<Box<dyn Indexer + 'v>>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            let pairs = self.0.iter().zip(&other.0);
            self.0.len() == other.0.len()
                && pairs
                    .into_iter()
                    .all(|((left, (_, one)), (right, (_, two)))| {
                        left == right && one.equals(two.as_ref())
                    })
        })
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.copy())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Object {}

impl Container for Object {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        match self.find(value) {
            Ok(_) => Ok(true),
            Err(ExecutionError::NoSuchKey(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Indexer for Object {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.find(key).map(|value| CowVal::Borrowed(value.as_ref()))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.find(key).map(|value| value.clone_as_boxed())
    }
}

impl Sizer for Object {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Iterable for Object {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Keys(self.0.values()))
    }
}

struct Keys<'b>(std::collections::btree_map::Values<'b, String, (CelString<'static>, Owned)>);

impl<'b, 'v> CelIterator<'b, 'v> for Keys<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        let (key, _) = self.0.next()?;
        Some(key)
    }
}
