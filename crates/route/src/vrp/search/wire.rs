//! A model and a job as bytes: what goes to a worker and comes back.

use super::anneal::{Annealed, Job, Routes};
use super::genetic::{Breeding, Brood, Prices, Stops, Tally};
use super::model::{Kind, Matrix, Model, Pause, Role, Visit};
use crate::auto::wire::{Reader, Writer};
use crate::vrp::problem::Window;

/// Anneals what `reader` holds, and returns what became of it.
pub(crate) fn call(reader: &mut Reader<'_>) -> Result<Vec<u8>, String> {
    let model = read_model(reader)?;
    let job = read_job(reader)?;
    let done = job.run(&model);
    let mut writer = Writer::default();
    writer.u64(done.best_cost as u64);
    write_routes(&mut writer, &done.best);
    writer.u64(done.last_cost as u64);
    write_routes(&mut writer, &done.last);
    Ok(writer.0)
}

/// Breeds what `reader` holds, and returns what became of it.
pub(crate) fn call_breeding(reader: &mut Reader<'_>) -> Result<Vec<u8>, String> {
    let model = read_model(reader)?;
    let breeding = Breeding {
        routes: reader.u64()? as usize,
        children: reader.u64()?,
        seed: reader.u64()?,
        stream: reader.u64()?,
        brood: read_brood(reader)?,
    };
    let mut writer = Writer::default();
    write_brood(&mut writer, &breeding.run(&model));
    Ok(writer.0)
}

/// Writes a task of breeding.
pub(crate) fn write_breeding(writer: &mut Writer, model: &Model, breeding: &Breeding) {
    write_model(writer, model);
    for value in [breeding.routes as u64, breeding.children, breeding.seed, breeding.stream] {
        writer.u64(value);
    }
    write_brood(writer, &breeding.brood);
}

/// Reads what a task of breeding gave back.
pub(crate) fn read_brood_back(bytes: &[u8]) -> Result<Brood, String> {
    read_brood(&mut Reader(bytes))
}

fn write_brood(writer: &mut Writer, brood: &Brood) {
    let prices = brood.prices.map_or([f64::NAN; 2], |Prices { load, warp }| [load, warp]);
    writer.f64s(&prices);
    let Tally { children, kept } = brood.tally;
    for value in [brood.made, children, kept[0], kept[1], brood.plans.len() as u64] {
        writer.u64(value);
    }
    for plan in brood.plans.iter().chain([&brood.best]) {
        writer.u64(plan.len() as u64);
        plan.iter().for_each(|route| writer.u32s(route));
    }
}

fn read_brood(reader: &mut Reader<'_>) -> Result<Brood, String> {
    let prices: [f64; 2] = reader.read_f64s()?.try_into().map_err(|_| "prices of another version")?;
    let made = reader.u64()?;
    let tally = Tally { children: reader.u64()?, kept: [reader.u64()?, reader.u64()?] };
    let plans = reader.u64()?;
    let mut plan = || -> Result<Stops, String> { (0..reader.u64()?).map(|_| reader.read_u32s()).collect() };
    Ok(Brood {
        prices: (!prices[0].is_nan()).then_some(Prices { load: prices[0], warp: prices[1] }),
        made,
        tally,
        plans: (0..plans).map(|_| plan()).collect::<Result<_, _>>()?,
        best: plan()?,
    })
}

/// Writes a task.
pub(crate) fn write_task(writer: &mut Writer, model: &Model, job: &Job) {
    write_model(writer, model);
    write_routes(writer, &job.routes);
    for value in [job.iterations, job.heat.0.to_bits(), job.heat.1.to_bits(), job.seed, job.stream] {
        writer.u64(value);
    }
}

/// Reads what a task gave back.
pub(crate) fn read_result(bytes: &[u8]) -> Result<Annealed, String> {
    let mut reader = Reader(bytes);
    let best_cost = reader.u64()? as i64;
    let best = read_routes(&mut reader)?;
    let last_cost = reader.u64()? as i64;
    Ok(Annealed { best, best_cost, last: read_routes(&mut reader)?, last_cost })
}

fn read_job(reader: &mut Reader<'_>) -> Result<Job, String> {
    Ok(Job {
        routes: read_routes(reader)?,
        iterations: reader.u64()?,
        heat: (reader.f64()?, reader.f64()?),
        seed: reader.u64()?,
        stream: reader.u64()?,
    })
}

fn write_routes(writer: &mut Writer, routes: &Routes) {
    writer.u64(routes.len() as u64);
    for (kind, tokens) in routes {
        writer.u64(u64::from(*kind));
        writer.u32s(tokens);
    }
}

fn read_routes(reader: &mut Reader<'_>) -> Result<Routes, String> {
    (0..reader.u64()?).map(|_| Ok((reader.u64()? as u32, reader.read_u32s()?))).collect()
}

fn write_model(writer: &mut Writer, model: &Model) {
    let flags = [model.is_timed, model.is_mixed, model.has_pairs].map(u64::from);
    for value in
        [model.n as u64, model.dimensions as u64, flags[0], flags[1], flags[2], model.even_time as u64]
    {
        writer.u64(value);
    }
    writer.f64(model.balance);
    for amounts in [&model.delivery, &model.pickup, &model.shipment] {
        writer.i64s(amounts);
    }
    writer.u32s(&model.allowed.iter().map(|&allowed| u32::from(allowed)).collect::<Vec<_>>());
    writer.u64(model.matrices.len() as u64);
    for matrix in &model.matrices {
        writer.u64(matrix.side as u64);
        write_table(writer, Some(&matrix.distance));
        for table in [&matrix.back, &matrix.time, &matrix.time_back] {
            write_table(writer, table.as_deref());
        }
    }
    for visit in &model.visits {
        write_visit(writer, visit);
    }
    writer.u64(model.kinds.len() as u64);
    for kind in &model.kinds {
        write_kind(writer, kind);
    }
}

fn read_model(reader: &mut Reader<'_>) -> Result<Model, String> {
    let mut flag = || reader.u64().map(|value| value as usize);
    let [n, dimensions, timed, mixed, pairs, even_time] =
        [flag()?, flag()?, flag()?, flag()?, flag()?, flag()?];
    let balance = reader.f64()?;
    let (delivery, pickup, shipment) = (reader.read_i64s()?, reader.read_i64s()?, reader.read_i64s()?);
    let allowed = reader.read_u32s()?.into_iter().map(|allowed| allowed == 1).collect();
    let matrices = (0..reader.u64()?).map(|_| read_matrix(reader)).collect::<Result<_, _>>()?;
    let visits: Vec<Visit> = (0..n).map(|_| read_visit(reader)).collect::<Result<_, _>>()?;
    let kinds = (0..reader.u64()?).map(|_| read_kind(reader)).collect::<Result<_, _>>()?;
    Ok(Model {
        n,
        dimensions,
        matrices,
        has_backhauls: visits.iter().any(|visit| visit.is_backhaul),
        visits,
        delivery,
        pickup,
        shipment,
        kinds,
        allowed,
        is_timed: timed == 1,
        is_mixed: mixed == 1,
        has_pairs: pairs == 1,
        balance,
        even_time: even_time as i64,
    })
}

/// Writes a table of distances, or that there is none.
fn write_table(writer: &mut Writer, table: Option<&[i32]>) {
    writer.u64(table.map_or(u64::MAX, |table| table.len() as u64));
    let table = table.unwrap_or_default();
    let start = writer.0.len();
    writer.0.resize(start + 4 * table.len(), 0);
    for (bytes, entry) in writer.0[start..].as_chunks_mut::<4>().0.iter_mut().zip(table) {
        *bytes = entry.to_le_bytes();
    }
}

fn read_table(reader: &mut Reader<'_>) -> Result<Option<Vec<i32>>, String> {
    let count = reader.u64()?;
    if count == u64::MAX {
        return Ok(None);
    }
    let size = (count as usize).checked_mul(4).ok_or("the task's input is truncated")?;
    let (head, tail) = reader.0.split_at_checked(size).ok_or("the task's input is truncated")?;
    reader.0 = tail;
    Ok(Some(head.as_chunks::<4>().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect()))
}

fn read_matrix(reader: &mut Reader<'_>) -> Result<Matrix, String> {
    Ok(Matrix {
        side: reader.u64()? as usize,
        distance: read_table(reader)?.ok_or("a matrix without distances")?,
        back: read_table(reader)?,
        time: read_table(reader)?,
        time_back: read_table(reader)?,
    })
}

fn write_windows(writer: &mut Writer, windows: &[Window]) {
    writer.i64s(&windows.iter().flat_map(|window| [window.open, window.close]).collect::<Vec<_>>());
}

fn read_windows(reader: &mut Reader<'_>) -> Result<Vec<Window>, String> {
    let ends = reader.read_i64s()?;
    Ok(ends.as_chunks::<2>().0.iter().map(|&[open, close]| Window { open, close }).collect())
}

fn write_visit(writer: &mut Writer, visit: &Visit) {
    let role = match visit.role {
        Role::Visit => 0,
        Role::Collect => 1,
        Role::Bring => 2,
    };
    let flags = [visit.is_required, visit.is_locked, visit.is_prefix, visit.is_backhaul];
    let flags = flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u64::from(flag));
    for value in [
        visit.service as u64,
        visit.release as u64,
        role,
        u64::from(visit.partner),
        visit.absence as u64,
        flags,
    ] {
        writer.u64(value);
    }
    write_windows(writer, &visit.windows);
}

fn read_visit(reader: &mut Reader<'_>) -> Result<Visit, String> {
    let mut value = || reader.u64();
    let [service, release, role, partner, absence, flags] =
        [value()?, value()?, value()?, value()?, value()?, value()?];
    Ok(Visit {
        service: service as i64,
        release: release as i64,
        role: [Role::Visit, Role::Collect, Role::Bring]
            .get(role as usize)
            .copied()
            .ok_or("an unknown role")?,
        partner: partner as u32,
        absence: absence as i64,
        is_required: flags & 1 == 1,
        is_locked: flags & 2 == 2,
        is_prefix: flags & 4 == 4,
        is_backhaul: flags & 8 == 8,
        windows: read_windows(reader)?,
    })
}

fn write_kind(writer: &mut Writer, kind: &Kind) {
    let numbers = [
        kind.count as i64,
        kind.profile as i64,
        i64::from(kind.start),
        i64::from(kind.end),
        kind.fixed_cost,
        kind.distance_cost,
        kind.time_cost,
        kind.max_duration,
        kind.max_distance,
        kind.max_stops as i64,
        kind.reload_time,
        kind.reloads as i64,
        i64::from(kind.is_complex),
        i64::from(kind.pays_time),
    ];
    writer.i64s(&numbers);
    writer.i64s(&kind.capacity);
    let breaks = kind.breaks.iter().flat_map(|pause| [pause.window.open, pause.window.close, pause.duration]);
    writer.i64s(&breaks.collect::<Vec<_>>());
    write_windows(writer, &[kind.shift]);
    writer.u32s(&kind.reload_sites);
    writer.u32s(&kind.locked);
}

fn read_kind(reader: &mut Reader<'_>) -> Result<Kind, String> {
    let numbers: [i64; 14] = reader.read_i64s()?.try_into().map_err(|_| "a vehicle of another version")?;
    let [
        count,
        profile,
        start,
        end,
        fixed_cost,
        distance_cost,
        time_cost,
        max_duration,
        max_distance,
        max_stops,
        ..,
    ] = numbers;
    let capacity = reader.read_i64s()?;
    let breaks = reader.read_i64s()?;
    let pause = |&[open, close, duration]: &[i64; 3]| Pause { window: Window { open, close }, duration };
    Ok(Kind {
        count: count as usize,
        profile: profile as usize,
        start: start as u32,
        end: end as u32,
        capacity,
        breaks: breaks.as_chunks::<3>().0.iter().map(pause).collect(),
        shift: *read_windows(reader)?.first().ok_or("a vehicle without a shift")?,
        fixed_cost,
        distance_cost,
        time_cost,
        max_duration,
        max_distance,
        max_stops: max_stops as usize,
        reload_time: numbers[10],
        reloads: numbers[11] as usize,
        is_complex: numbers[12] == 1,
        pays_time: numbers[13] == 1,
        reload_sites: reader.read_u32s()?,
        locked: reader.read_u32s()?,
    })
}
