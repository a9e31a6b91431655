//! Problems of every format, and every kind of bad input with its place and its hint.

use festina_route::RouteError;
use festina_route::vrp::{Convention, Problem, ProblemFormat, Work};

const VRPLIB: &str = "NAME : small\nTYPE : CVRP\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EUC_2D\nCAPACITY : 10\n\
    NODE_COORD_SECTION\n1 0 0\n2 3 4\n3 0 5\n4 6 8\nDEMAND_SECTION\n1 0\n2 4\n3 5\n4 6\nDEPOT_SECTION\n1\n-1\nEOF\n";

const SOLOMON: &str = "tiny\n\nVEHICLE\nNUMBER     CAPACITY\n  2         10\n\nCUSTOMER\nCUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  \
    DUE DATE   SERVICE TIME\n\n    0      0         0          0          0       100          0\n    1      3         4          4         10        20          5\n";

const PLAN: &str = r#"{"schema": "festina.day-plan/1", "speed_kmh": 36, "places": {"yard": [52.5, 13.4]},
  "vehicles": [{"id": "van", "start": "yard", "shift": "08:00-16:00", "capacity": {"crates": 9, "kg": 100}}],
  "stops": [{"id": "mill", "at": [52.6, 13.4], "service": "10min", "delivery": {"crates": 3}}]}"#;

fn read(text: &str) -> Result<Problem, RouteError> {
    Problem::read("test", text.as_bytes(), ProblemFormat::detect(text.as_bytes()), Convention::Default)
}

fn fails(text: &str, place: Option<(usize, usize)>, message: &str) {
    let error = read(text).expect_err(message);
    assert!(error.to_string().contains(message), "{error}");
    assert_eq!(error.place().map(|place| (place.line, place.column)), place, "{error}");
}

#[test]
fn a_vrplib_file_is_read() {
    let problem = read(VRPLIB).unwrap();
    assert_eq!(problem.stops().len(), 3);
    let parts = problem.parts();
    // 3-4-5: from the depot to the first stop; √((6 − 0)² + (8 − 5)²) = 6.71 → 7.
    assert_eq!(parts.travel[0].distance(&parts.places, 0, 1), 5);
    assert_eq!(parts.travel[0].distance(&parts.places, 2, 3), 7);
    assert_eq!(problem.vehicles()[0].capacity, [10]);
    assert_eq!(problem.stops()[2].work, Work::Visit { delivery: vec![6], pickup: vec![0] });
}

#[test]
fn a_solomon_file_is_read_in_steps_that_lose_no_time() {
    let problem = read(SOLOMON).unwrap();
    let parts = problem.parts();
    let step = problem.units().time;
    assert_eq!(parts.travel[0].distance(&parts.places, 0, 1) as f64 * step, 5.0);
    assert_eq!(problem.stops()[0].windows[0].close as f64 * step, 20.0);
    assert_eq!(problem.vehicles()[0].count, 2);
}

#[test]
fn backhauls_of_a_vrplib_file_are_picked_up_and_come_last_where_its_type_says_so() {
    let section = "BACKHAUL_SECTION\n1 0\n2 0\n3 0\n4 7\nDEPOT_SECTION";
    let text = VRPLIB.replace("DEPOT_SECTION", section).replace("4 6\nBACK", "4 0\nBACK");
    let problem = read(&text).unwrap();
    assert_eq!(problem.stops()[2].work, Work::Visit { delivery: vec![0], pickup: vec![7] });
    assert!(problem.stops().iter().all(|stop| !stop.is_backhaul));
    let problem = read(&text.replace("CVRP", "VRPB")).unwrap();
    let backhauls: Vec<bool> = problem.stops().iter().map(|stop| stop.is_backhaul).collect();
    assert_eq!(backhauls, [false, false, true]);
}

/// Two depots 6 apart with 2 vehicles each, two customers.
const CORDEAU: &str =
    "2 2 2 2\n0 10\n50 20\n1 3 4 0 7 1 2 1 2\n2 0 5 1.5 3 1 2 1 2\n3 0 0 0 0 0 0\n4 6 0 0 0 0 0\n";

#[test]
fn a_file_of_several_depots_is_read() {
    let problem = read(CORDEAU).unwrap();
    let parts = problem.parts();
    let step = problem.units().time;
    // Depot 4 is place 3 at (6, 0), and customer 1 at (3, 4): √(3² + 4²) = 5.
    assert_eq!(parts.travel[0].distance(&parts.places, 3, 0), (5.0 / step).round() as i64);
    assert_eq!(problem.stops()[1].service, (1.5 / step).round() as i64);
    let vehicles = problem.vehicles();
    assert_eq!((vehicles[0].count, vehicles[0].max_duration, vehicles[0].start), (2, None, Some(2)));
    assert_eq!(vehicles[1].max_duration, Some((50.0 / step).round() as i64));
    assert_eq!((&vehicles[0].capacity[..], &vehicles[1].capacity[..]), (&[10][..], &[20][..]));
}

#[test]
fn a_file_of_several_depots_is_read_with_windows() {
    let timed = CORDEAU
        .replacen('2', "6", 1)
        .replace("1 2 1 2\n", "1 2 1 2 8 9\n")
        .replace("0 0 0\n", "0 0 0 0 40\n");
    let problem = read(&timed).unwrap();
    let steps = |time: f64| (time / problem.units().time).round() as i64;
    let window = problem.stops()[0].windows[0];
    assert_eq!((window.open, window.close), (steps(8.0), steps(9.0)));
    assert_eq!(problem.vehicles()[0].shift.close, steps(40.0));
    fails(&timed.replacen("8 9", "9 8", 1), Some((4, 19)), "closes (8) before it opens (9)");
}

#[test]
fn a_bad_file_of_several_depots_is_refused_with_its_place() {
    fails(&CORDEAU.replacen('2', "1", 1), Some((1, 1)), "type 1 (PVRP)");
    fails(&CORDEAU.replace("2 0 5 1.5 3", "2 0 5 1.5 x"), Some((5, 11)), "'x' is not a number");
    fails(&CORDEAU.replace("4 6 0 0 0 0 0\n", ""), Some((6, 14)), "the file ends too early");
    fails(&CORDEAU.replace("1 3 4 0 7 1 2 1 2", "1 3 4"), Some((4, 1)), "3 of 5 values");
    fails(&format!("{CORDEAU}9 9\n"), Some((8, 1)), "goes on after its last depot");
    fails(&CORDEAU.replacen("2 2 2 2", "2 0 2 2", 1), Some((1, 3)), "no vehicles");
}

#[test]
fn a_day_plan_is_read_alike_in_json_and_toml() {
    let problem = read(PLAN).unwrap();
    assert_eq!(problem.parts().dimensions, ["crates", "kg"]);
    assert_eq!(problem.stops()[0].service, 600);
    // 0.1° of latitude are 11,119.5 m on the mean sphere; at 10 m/s 1,112 s.
    let parts = problem.parts();
    let stop = problem.stops()[0].place;
    assert_eq!(parts.travel[0].distance(&parts.places, 0, stop), 11_120);
    assert_eq!(parts.travel[0].duration(&parts.places, 0, stop), 1112);
    let toml = "schema = \"festina.day-plan/1\"\nname = \"test\"\nspeed_kmh = 36\n[places]\nyard = [52.5, 13.4]\n[[vehicles]]\nid = \"van\"\n\
        start = \"yard\"\nshift = \"08:00-16:00\"\ncapacity = { crates = 9, kg = 100 }\n[[stops]]\nid = \"mill\"\n\
        at = [52.6, 13.4]\nservice = \"10min\"\ndelivery = { crates = 3 }\n";
    assert_eq!(read(toml).unwrap(), problem);
}

#[test]
fn bad_files_are_refused_with_their_place() {
    fails(&VRPLIB.replace("2 3 4\n", "2 3 x\n"), Some((8, 5)), "'x' is not a number");
    fails(&VRPLIB.replace("2 3 4\n", "2 3 NaN\n"), Some((8, 5)), "not a finite number");
    fails(&VRPLIB.replace("3 5\n4 6\nDEPOT", "3 5\nDEPOT"), Some((18, 4)), "number 4 of 4 in DEMAND_SECTION");
    fails(&VRPLIB.replace("EUC_2D", "EUC_9D"), Some((4, 20)), "EDGE_WEIGHT_TYPE 'EUC_9D' is unknown");
    fails(
        &VRPLIB.replace("DEMAND_SECTION", "STANDTIME_SECTION"),
        Some((11, 1)),
        "not a keyword that is understood",
    );
    fails(&VRPLIB[..VRPLIB.find("DEPOT").unwrap()], Some((15, 4)), "ends without DEPOT_SECTION");
    fails(&VRPLIB.replace("4 6 8\n", "4 6 1e300\n"), None, "so far apart");
    fails(
        &SOLOMON.replace("20          5", "5          5"),
        Some((11, 5)),
        "closes (5) before it opens (10)",
    );
    fails(&SOLOMON.replace("20          5", "20"), Some((11, 5)), "this line has 6 of 7 numbers");
}

#[test]
fn bad_day_plans_are_refused_by_name() {
    fails(&PLAN.replace("festina.day-plan/1", "festina.day-plan/9"), None, "is not known");
    fails(&PLAN.replace("\"service\"", "\"serving\""), Some((3, 56)), "unknown field `serving`");
    fails(&PLAN.replace("10min", "ten minutes"), None, "stop 'mill': 'ten minutes' is not a length of time");
    fails(&PLAN.replace("08:00-16:00", "16:00-08:00"), None, "closes before it opens");
    fails(&PLAN.replace("[52.6, 13.4]", "[152.6, 13.4]"), None, "latitude 152.6");
    fails(&PLAN.replace("\"start\": \"yard\"", "\"start\": \"yarn\""), None, "there is no place 'yarn'");
    fails(&PLAN.replace("\"speed_kmh\": 36, ", ""), None, "nobody says how fast");
    fails(&PLAN.replace("{\"crates\": 3}", "3"), None, "several dimensions");
    fails(&PLAN.replace("{\"crates\": 3}", "{\"crates\": -3}"), None, "the amount -3 is negative");
    fails(&PLAN.replace("\"id\": \"van\"", "\"id\": \"van\", \"count\": 0"), None, "there is no vehicle");
}

#[test]
fn tables_name_the_line_of_a_bad_cell() {
    let vehicles = b"id,start_lat,start_lon,speed_kmh\nvan,52.5,13.4,30\n";
    let read = |stops: String| Problem::read_tables("test", stops.as_bytes(), vehicles);
    let mut many = "id,lat,lon,delivery\n".to_owned();
    for stop in 0..20_000 {
        many.push_str(&format!("s{stop},52.{stop},13.4,1\n"));
    }
    assert_eq!(read(many.clone()).unwrap().stops().len(), 20_000);
    let error = read(many.replace("s17000,52.17000,13.4,1", "s17000,52.17000,13.4,many")).unwrap_err();
    assert_eq!(error.to_string(), "line 17002, column 22: column 'delivery': 'many' is not a whole number");
    let error = read("id,lat,lon,colour\n".to_owned()).unwrap_err();
    assert!(error.to_string().contains("the column 'colour' is not known"), "{error}");
    assert!(error.hint().unwrap().contains("windows"));
}

#[test]
fn every_cell_that_cannot_be_read_has_its_place_and_an_example() {
    let head = "id,lat,lon,service,windows,delivery,prize";
    let vehicles =
        "id,start_lat,start_lon,speed_kmh,shift,break\nvan,52.5,13.4,30,08:00-17:00,12:00-13:00 30min\n";
    for (cells, column, message) in [
        ("a,nan,13,5min,,1,", 3, "'lat': NaN is not a finite number"),
        ("a,52,,5min,,1,", 6, "'lon': a coordinate is missing"),
        ("a,52,13,soon,,1,", 9, "'service': 'soon' is not a length of time"),
        (
            "\"a, b\",52,13,5min,09:00-08:00,1,",
            19,
            "'windows': the window 09:00-08:00 closes before it opens",
        ),
        ("a,52,13,5min,08:00-09:00|x,1,", 14, "'windows': 'x' is not a window"),
        ("a,52,13,5min,,-1,", 15, "'delivery': the amount -1 is negative"),
        ("a,52,13,5min,,1,1e400", 17, "'prize': inf is not a finite number"),
        (",52,13,5min,,1,", 1, "'id': the stop has no name"),
        ("a,52,13", 8, "3 cells for 7 columns"),
    ] {
        let error =
            Problem::read_tables("test", format!("{head}\n{cells}\n").as_bytes(), vehicles.as_bytes());
        let error = error.unwrap_err();
        assert_eq!(error.place().map(|place| (place.line, place.column)), Some((2, column)), "{error}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    let stops = format!("{head}\na,52,13,5min,,1,\n");
    for (old, new, message) in [
        ("30min", "x", "'break': 'x' is not a length"),
        ("17:00", "07:00", "'shift': the window 08:00-07:00"),
    ] {
        let error = Problem::read_tables("test", stops.as_bytes(), vehicles.replace(old, new).as_bytes());
        let error = error.unwrap_err();
        assert!(error.to_string().contains("in the table of vehicles"), "{error}");
        assert!(error.to_string().contains(message) && error.hint().is_some(), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(cut in 0_usize..400, junk in ".{0,12}", which in 0_usize..3) {
        let text = [VRPLIB, SOLOMON, PLAN][which];
        let at = text.floor_char_boundary(cut.min(text.len()));
        let changed = format!("{}{junk}{}", &text[..at], &text[at..]);
        let _ = read(&changed);
        let _ = read(&text[..at]);
        let _ = Problem::read_tables("t", changed.as_bytes(), junk.as_bytes());
    }
}
