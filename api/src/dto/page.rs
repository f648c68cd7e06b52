//! Pages of the lists that are objects with a number and links.

/// The view of a page of a list: `pages! { /// Its meaning. Name of View; }`.
macro_rules! pages {
    ($($(#[doc = $meaning:literal])+ $name:ident of $view:ident;)+) => {$(
        $(#[doc = $meaning])+
        #[derive(serde::Serialize, crate::schema::ToSchema)]
        pub(crate) struct $name {
            /// All entries of the list, counted up to 10,000.
            count: u64,
            /// The address of the next page.
            next: Option<String>,
            /// The address of the page before.
            previous: Option<String>,
            /// The entries of this page.
            results: Vec<$view>,
        }

        impl From<crate::responses::Numbered<$view>> for $name {
            fn from(page: crate::responses::Numbered<$view>) -> Self {
                let crate::responses::Numbered { count, next, previous, results } = page;
                Self { count, next, previous, results }
            }
        }
    )+};
}

pub(crate) use pages;
