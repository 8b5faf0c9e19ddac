//! Charts as plain SVG: points are computed here, templates only write them.

/// The drawing area, in its own units.
pub const WIDTH: f64 = 720.0;
pub const HEIGHT: f64 = 200.0;

/// A line through all days.
pub struct Line {
    pub name: &'static str,
    /// How it is drawn: 0 is solid, the others have dashes of their own, so that colour is not
    /// needed to tell them apart.
    pub style: usize,
    /// `x,y x,y …`
    pub points: String,
}

/// Lines over the same days, scaled to the largest value.
pub fn lines(series: &[(&'static str, Vec<i64>)]) -> Vec<Line> {
    let most = series.iter().flat_map(|(_, values)| values).copied().max().unwrap_or(0).max(1);
    let line = |(style, (name, values)): (usize, &(&'static str, Vec<i64>))| {
        let steps = values.len().saturating_sub(1).max(1) as f64;
        let point = |(n, value): (usize, &i64)| {
            let (x, y) = (n as f64 / steps * WIDTH, *value as f64 / most as f64 * HEIGHT);
            format!("{x:.1},{:.1}", HEIGHT - y.max(0.0))
        };
        let mut points: Vec<String> = values.iter().enumerate().map(point).collect();
        // A single day is drawn as a line across.
        if let [only] = points.as_slice() {
            let (_, y) = only.split_once(',').unwrap_or_default();
            points.push(format!("{WIDTH:.1},{y}"));
        }
        Line { name, style, points: points.join(" ") }
    };
    series.iter().enumerate().map(line).collect()
}

/// A bar with its label.
pub struct Bar {
    pub label: String,
    pub count: i64,
    pub y: f64,
    pub width: f64,
}

/// Height of one bar with the space after it.
pub const BAR: f64 = 24.0;

/// Bars from the largest down.
pub fn bars(values: &[(String, i64)]) -> Vec<Bar> {
    let most = values.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1) as f64;
    let bar = |(n, (label, count)): (usize, &(String, i64))| Bar {
        label: label.clone(),
        count: *count,
        y: n as f64 * BAR,
        width: *count as f64 / most * (WIDTH / 2.0),
    };
    values.iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_is_at_the_top_and_nothing_at_the_bottom() {
        let drawn = lines(&[("available", vec![100, 50, 0]), ("held", vec![0, 50, 100])]);
        assert_eq!(drawn[0].points, "0.0,0.0 360.0,100.0 720.0,200.0");
        assert_eq!(drawn[1].points, "0.0,200.0 360.0,100.0 720.0,0.0");
        assert_eq!(lines(&[("x", vec![5])])[0].points, "0.0,0.0 720.0,0.0");
        assert_eq!(lines(&[("x", vec![])])[0].points, "");
        let drawn = bars(&[("A".into(), 4), ("B".into(), 1)]);
        assert_eq!((drawn[0].width, drawn[1].width, drawn[1].y), (360.0, 90.0, 24.0));
    }
}
