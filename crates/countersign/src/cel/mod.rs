//! CEL in policies (`where`), fenced: the crate `cel` parses and evaluates, and nothing that it does can hold or end the process.
//!
//! | danger | fence |
//! |---|---|
//! | a stack overflow, which aborts | sources of 1 KiB, a thread of its own with 64 MiB of stack |
//! | work that multiplies (nested comprehensions) or doubles (`s + s`, again and again) | `cost.rs`: an upper bound, counted before evaluation |
//! | what is not foreseen | a deadline; a panic ends the thread and nothing else. Both mean that nobody can tell |
//! | many that overrun their deadline, which nothing can stop | `apart.rs`: they are counted, and beyond some nothing new is begun; `decide` asks nothing more after one |
//! | answers that differ from run to run | no clock, no regular expressions, no map literals; objects are walked in the order of their keys |

mod apart;
mod cost;
mod size;
mod value;

use std::sync::Arc;
use std::time::Duration;

use cel::{Context, Env, Program, Value};
use countersign_core::{Expression, ExpressionFailure, ExpressionInput, Expressions};

use self::apart::Apart;

/// Bytes of a source: a reviewer has to understand it.
const MAX_SOURCE: usize = 1024;
/// Bytes of a predicate that an expression looks at; SBOMs have rules of their own.
const MAX_PREDICATE: usize = 4 * 1024 * 1024;
/// What is bounded by counts ends much earlier than its deadline. One that overran is a defect or a starved machine; eight at a
/// time have at most 512 MiB of stack.
static APART: Apart = Apart::new(Duration::from_secs(2), 8);

/// The Common Expression Language (github.com/google/cel-spec), without time, regular expressions and map literals.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cel {
    _private: (),
}

impl Cel {
    /// The language.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl Expressions for Cel {
    fn compile(&self, source: &str) -> Result<Arc<dyn Expression>, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!(
                "has {} bytes, more than {MAX_SOURCE}",
                source.len()
            ));
        }
        let text = source.to_owned();
        let compiled: Result<Compiled, String> = APART
            .run(move || {
                let program = Env::stdlib()
                    .compile(&text)
                    .map_err(|errors| format!("is not CEL: {}", first_line(&errors.to_string())))?;
                cost::check(program.expression())?;
                Ok(Compiled(Arc::new(program)))
            })
            .flatten();
        Ok(Arc::new(compiled?))
    }
}

struct Compiled(Arc<Program>);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled")
    }
}

impl Expression for Compiled {
    fn holds(&self, input: &ExpressionInput<'_>) -> Result<bool, ExpressionFailure> {
        if input.predicate.len() > MAX_PREDICATE {
            let bytes = input.predicate.len();
            return Err(ExpressionFailure::Untold(format!(
                "the predicate has {bytes} bytes"
            )));
        }
        let program = Arc::clone(&self.0);
        let predicate = input.predicate.to_vec();
        let predicate_type = input.predicate_type.to_owned();
        let signed_at = input.signed_at.map(|at| at.to_string());
        // To read a large predicate and to count takes time too.
        APART
            .run(move || answer(&program, &predicate, predicate_type, signed_at))
            .map_err(ExpressionFailure::Late)?
    }
}

fn answer(
    program: &Program,
    predicate: &[u8],
    predicate_type: String,
    signed_at: Option<String>,
) -> Result<bool, ExpressionFailure> {
    let json = match predicate {
        [] => serde_json::Value::Null,
        bytes => serde_json::from_slice(bytes)
            .map_err(|error| ExpressionFailure::Wrong(first_line(&error.to_string())))?,
    };
    cost::bound(program.expression(), &json).map_err(ExpressionFailure::Untold)?;
    let mut context = Context::with_env(Arc::new(Env::stdlib()));
    context.add_variable_as_val("predicate", value::of(json));
    context.add_variable_as_val("predicateType", value::text(predicate_type));
    context.add_variable_as_val("signedAt", signed_at.map_or_else(value::null, value::text));
    // By way of `Val`, so that a result of a type of ours is no error of conversion.
    let found = Value::resolve_val(program.expression(), &context)
        .map_err(|error| ExpressionFailure::Wrong(first_line(&error.to_string())))?;
    match found.downcast_ref::<cel::common::types::CelBool>() {
        Some(answer) => Ok(*answer.inner()),
        None => Err(ExpressionFailure::Wrong(format!(
            "it is a {}, not true or false",
            found.get_type().name()
        ))),
    }
}

/// Enough of a message that may quote what others wrote.
fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}
