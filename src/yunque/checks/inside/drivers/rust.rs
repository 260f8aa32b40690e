trait YunqueShow {
    fn yunque_show(&self) -> String;
}
macro_rules! yunque_by_debug {
    ($($kind:ty)*) => { $(impl YunqueShow for $kind { fn yunque_show(&self) -> String { format!("{:?}", self) } })* };
}
yunque_by_debug!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool char str String);
macro_rules! yunque_by_number {
    ($($kind:ty)*) => { $(impl YunqueShow for $kind {
        fn yunque_show(&self) -> String { if *self == 0.0 { "0.0".to_string() } else { format!("{:?}", self) } }
    })* };
}
yunque_by_number!(f32 f64);
impl YunqueShow for () {
    fn yunque_show(&self) -> String {
        "()".to_string()
    }
}
fn yunque_joined(mut parts: Vec<String>, sorted: bool) -> String {
    if sorted {
        parts.sort();
    }
    parts.join(",")
}
macro_rules! yunque_by_items {
    ($($open:literal $sorted:literal $kind:ty),*) => { $(impl<T: YunqueShow> YunqueShow for $kind {
        fn yunque_show(&self) -> String {
            format!("{}{}]", $open, yunque_joined(self.iter().map(|one| one.yunque_show()).collect(), $sorted))
        }
    })* };
}
yunque_by_items!(
    "[" false [T], "[" false Vec<T>, "[" false std::collections::VecDeque<T>,
    "set[" true std::collections::HashSet<T>, "set[" true std::collections::BTreeSet<T>
);
impl<T: YunqueShow, const N: usize> YunqueShow for [T; N] {
    fn yunque_show(&self) -> String {
        self[..].yunque_show()
    }
}
macro_rules! yunque_by_pairs {
    ($($kind:ty),*) => { $(impl<K: YunqueShow, V: YunqueShow> YunqueShow for $kind {
        fn yunque_show(&self) -> String {
            let parts = self.iter().map(|(key, value)| format!("{}:{}", key.yunque_show(), value.yunque_show()));
            format!("{{{}}}", yunque_joined(parts.collect(), true))
        }
    })* };
}
yunque_by_pairs!(std::collections::HashMap<K, V>, std::collections::BTreeMap<K, V>);
impl<T: YunqueShow> YunqueShow for Option<T> {
    fn yunque_show(&self) -> String {
        self.as_ref().map_or("None".to_string(), |one| format!("Some({})", one.yunque_show()))
    }
}
impl<T: YunqueShow, E: YunqueShow> YunqueShow for Result<T, E> {
    fn yunque_show(&self) -> String {
        match self {
            Ok(one) => format!("Ok({})", one.yunque_show()),
            Err(one) => format!("Err({})", one.yunque_show()),
        }
    }
}
impl<T: YunqueShow + ?Sized> YunqueShow for &T {
    fn yunque_show(&self) -> String {
        (**self).yunque_show()
    }
}
impl<T: YunqueShow + ?Sized> YunqueShow for Box<T> {
    fn yunque_show(&self) -> String {
        (**self).yunque_show()
    }
}
macro_rules! yunque_by_parts {
    ($(($($name:ident $at:tt),*))*) => { $(impl<$($name: YunqueShow),*> YunqueShow for ($($name,)*) {
        fn yunque_show(&self) -> String { format!("({})", vec![$(self.$at.yunque_show()),*].join(",")) }
    })* };
}
yunque_by_parts!((A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4));
fn yunque_print<T: YunqueShow + ?Sized>(at: usize, value: &T) {
    println!("\n\u{1e}{} {}", at, value.yunque_show());
}
