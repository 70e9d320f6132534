//! Resources: what a worker makes once and its functions share.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::Arc,
};

use piton_shared::failure::Failure;

use crate::Result;

/// Something a worker makes once and injects into its functions: a client, a pool, a cache.
///
/// A function takes it as a parameter; the worker is given it with
/// [`WorkerBuilder::resource`](crate::WorkerBuilder::resource), and refuses to start without. It is a shared
/// handle: cloning is cheap, and `T` is reached by dereferencing.
///
/// ```
/// use piton::prelude::*;
///
/// struct Stripe {
///     key: String,
/// }
///
/// #[function]
/// async fn charge(stripe: Resource<Stripe>, cents: u64) -> Result<String> {
///     Ok(format!("{}: {cents}", stripe.key))
/// }
///
/// # fn main() -> Result<(), piton::BuildError> {
/// let worker = Worker::builder().resource(Stripe { key: "sk".into() }).register(charge).build()?;
/// # let _ = worker;
/// # Ok(()) }
/// ```
pub struct Resource<T: ?Sized>(Arc<T>);

impl<T> Resource<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> From<Arc<T>> for Resource<T> {
    fn from(shared: Arc<T>) -> Self {
        Self(shared)
    }
}

impl<T: ?Sized> Clone for Resource<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The resources of one worker, one of each type. Cheap to clone.
///
/// A worker makes its own; by hand it serves the unit test of a function, see
/// [`Call::run_direct`](crate::Call::run_direct).
#[derive(Clone, Default)]
pub struct Resources(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Resources {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, in place of one of the same type.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.with_shared(Arc::new(value))
    }

    /// Adds a value that is shared already, which may be a trait object.
    #[must_use]
    pub fn with_shared<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), Arc::new(Resource(value)));
        self
    }

    /// The resource of this type, if there is one.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Resource<T>> {
        let resource = self.0.get(&TypeId::of::<T>())?;
        resource.downcast_ref::<Resource<T>>().cloned()
    }

    pub(crate) fn has(&self, need: &Need) -> bool {
        self.0.contains_key(&need.id)
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} resources", self.0.len())
    }
}

/// A type of resource that a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    id: TypeId,
    /// The type's name, for people.
    pub type_name: &'static str,
}

/// What a parameter written `Resource<T>` must be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not piton's `Resource<T>`, or its `T` is not `Send + Sync + 'static`",
    label = "not a resource",
    note = "`Resource<T>` of a function's parameters is always piton's: give an input type another name"
)]
pub trait Injected: Sized {
    /// What to look for at start.
    fn need() -> Need;
    /// Takes it from what the worker has.
    fn take(resources: &Resources) -> Result<Self>;
}

impl<T: ?Sized + Send + Sync + 'static> Injected for Resource<T> {
    fn need() -> Need {
        Need { id: TypeId::of::<T>(), type_name: type_name::<T>() }
    }

    fn take(resources: &Resources) -> Result<Self> {
        // A worker checks this at start; only a test that runs a function by hand comes here without.
        resources.get().ok_or_else(|| {
            let wanted = type_name::<T>();
            Failure::permanent(format!("`Resource<{wanted}>` was not given: add it with `Resources::new().with(…)`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    trait Greet: Send + Sync {
        fn greet(&self) -> &'static str;
    }
    struct Hello;
    impl Greet for Hello {
        fn greet(&self) -> &'static str {
            "hello"
        }
    }

    #[test]
    fn a_resource_is_found_by_its_type_and_trait_objects_are_types() {
        let resources = Resources::new().with(7_u64).with_shared::<dyn Greet>(Arc::new(Hello));
        assert_eq!(resources.get::<u64>().as_deref(), Some(&7));
        assert_eq!(resources.get::<dyn Greet>().expect("it was added").greet(), "hello");
        assert!(resources.get::<Hello>().is_none(), "only by the type it was added as");
    }

    #[test]
    fn a_missing_one_names_its_type() {
        let failure = <Resource<String> as Injected>::take(&Resources::new()).unwrap_err();
        assert!(failure.message.contains("Resource<alloc::string::String>"), "{}", failure.message);
    }
}
