//! Lists by page number.

use super::query::Query;

/// Which page, of how many items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOf {
    /// From 1.
    pub page: usize,
    limit: usize,
}

impl PageOf {
    /// Reads `page` and `limit`.
    pub fn read(query: &mut Query) -> Self {
        let page = query.integer("page", 1..=u32::MAX).unwrap_or(1);
        let limit = query.integer("limit", 1..=200).unwrap_or(100);
        Self { page: page as usize, limit: limit as usize }
    }

    /// The items of this page, how many there are on all pages, and how many pages.
    pub fn cut<T>(self, all: Vec<T>) -> (Vec<T>, usize, usize) {
        let (total, start) = (all.len(), (self.page - 1).saturating_mul(self.limit));
        (all.into_iter().skip(start).take(self.limit).collect(), total, total.div_ceil(self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_everything_once() {
        let all: Vec<_> = (0..7).collect();
        let page = |page| PageOf { page, limit: 3 }.cut(all.clone());
        assert_eq!(page(1), (vec![0, 1, 2], 7, 3));
        assert_eq!(page(3), (vec![6], 7, 3));
        assert_eq!(page(4), (vec![], 7, 3));
        assert_eq!(page(usize::MAX), (vec![], 7, 3));
        assert_eq!(PageOf { page: 1, limit: 3 }.cut(Vec::<u8>::new()), (vec![], 0, 0));
    }
}
