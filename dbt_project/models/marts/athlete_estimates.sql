with
    -- Whole years of age today.
    ages as (
        select athlete_id, {{ years_between("birth_date", today()) }} as age_years
        from {{ ref("athletes") }}
        where birth_date is not null
    ),

    settings_today as (
        select athlete_id, max_hr_bpm, resting_hr_bpm
        from {{ ref("athlete_settings") }}
        where
            sport = 'any'
            and valid_from <= {{ today() }}
            and (valid_to is null or valid_to > {{ today() }})
    )

select
    ages.athlete_id,
    'max_hr_bpm' as metric,
    formulas.formula as method,
    {{ as_float("formulas.intercept_bpm - formulas.bpm_per_year * ages.age_years") }}
    as value
from ages
cross join {{ ref("max_heart_rate_formulas") }} as formulas

union all

-- Rough: found in trained men, and nearer to 12 around the age of 50.
select
    athlete_id,
    'vo2max_ml_per_kg_min' as metric,
    'uth' as method,
    15.3 * max_hr_bpm / resting_hr_bpm as value
from settings_today
where max_hr_bpm is not null and resting_hr_bpm is not null
