{# One file: its unit tests go from what was recorded to the relation, and the rules are one long case. #}
{% set gripping = "'" ~ var("match_hr_gripping_families") | join("', '") ~ "'" %}
with
    paired as (
        select
            candidates.*,
            one.source_slot = other.source_slot as is_one_source,
            one.is_manual or other.is_manual as has_manual,
            one.is_detected or other.is_detected as has_detected,
            one.has_gps and other.has_gps as has_gps_twice,
            one.sport_family in ({{ gripping }})
            or other.sport_family in ({{ gripping }}) as has_gripping_hands,
            case
                when
                    candidates.ended_second - candidates.started_second
                    < candidates.other_ended_second - candidates.other_started_second
                then other.is_manual
                else one.is_manual
            end as is_longer_manual,
            case
                when
                    candidates.ended_second - candidates.started_second
                    < candidates.other_ended_second - candidates.other_started_second
                then one.is_detected and not other.is_detected
                else other.is_detected and not one.is_detected
            end as is_shorter_detected,
            one.is_start_hidden or other.is_start_hidden as has_hidden_start,
            overrides.decision,
            {{ holds_id("other.external_id", "one.provider_activity_id") }}
            or {{ holds_id("one.external_id", "other.provider_activity_id") }}
            as has_provenance,
            {{ sport_fit("one.sport_family", "other.sport_family") }} as sport_fit,
            coalesce(
                lower(one.device_name) = lower(other.device_name), false
            ) as is_one_device,
            one.device_name is not null
            and other.device_name is not null as knows_devices,
            candidates.ended_second - candidates.started_second as seconds,
            candidates.other_ended_second
            - candidates.other_started_second as other_seconds,
            greatest(
                0,
                least(candidates.ended_second, candidates.other_ended_second)
                - greatest(candidates.started_second, candidates.other_started_second)
            ) as overlap_seconds,
            -- Only like is compared with like: GPS with GPS, sensors with sensors.
            case
                when
                    one.has_gps = other.has_gps
                    and one.distance_m > 0
                    and other.distance_m > 0
                then one.distance_m / other.distance_m
            end as distance_quotient,
            abs(one.distance_m - other.distance_m) as distance_difference_m,
            one.avg_hr_bpm,
            other.avg_hr_bpm as other_avg_hr_bpm,
            one.avg_hr_bpm - other.avg_hr_bpm as average_difference_bpm,
            one.max_hr_bpm - other.max_hr_bpm as maximum_difference_bpm,
            greatest(one.fetched_at, other.fetched_at) as evidence_at
        from {{ ref("int_activity_candidates") }} as candidates
        inner join
            {{ ref("int_activity_records") }} as one
            on candidates.record_id = one.record_id
        inner join
            {{ ref("int_activity_records") }} as other
            on candidates.other_record_id = other.record_id
        left join
            {{ ref("int_activity_overrides") }} as overrides
            on candidates.record_id = overrides.record_id
            and candidates.other_record_id = overrides.other_record_id
    ),

    known as (
        select
            paired.*,
            heart_rate.shared_minutes,
            heart_rate.lag_minutes,
            heart_rate.difference_bpm,
            heart_rate.close_share,
            heart_rate.correlation,
            heart_rate.settled_minutes,
            heart_rate.usual_difference_bpm,
            heart_rate.usual_spread_bpm,
            heart_rate.usual_correlation,
            heart_rate.shifted_settled_minutes,
            heart_rate.shifted_difference_bpm,
            heart_rate.shifted_correlation,
            heart_rate.shifted_usual_difference_bpm,
            heart_rate.shifted_usual_spread_bpm,
            heart_rate.shifted_usual_correlation,
            heart_rate.shifted_share,
            heart_rate.inside_bpm,
            heart_rate.outside_bpm
        from paired
        left join
            {{ ref("int_activity_pair_heart_rate") }} as heart_rate
            on paired.record_id = heart_rate.record_id
            and paired.other_record_id = heart_rate.other_record_id
    ),

    measured as (
        select
            *,
            {{ as_float("overlap_seconds") }}
            / (seconds + other_seconds - overlap_seconds) as overlap_over_union,
            {{ as_float("overlap_seconds") }}
            / least(seconds, other_seconds) as containment,
            {{ as_float("least(seconds, other_seconds)") }}
            / greatest(seconds, other_seconds) as duration_ratio,
            least(distance_quotient, 1 / distance_quotient) as distance_ratio,
            shared_minutes is not null
            and difference_bpm <= {{ var("match_hr_agree_max_bpm") }}
            and coalesce(correlation, 0)
            >= {{ var("match_hr_agree_min_correlation") }} as has_one_body,
            case
                when shared_minutes is not null
                then
                    close_share < {{ var("match_hr_contradict_max_close_share") }}
                    -- One shape, so many beats apart: a sensor that is wrong.
                    and not (
                        {{ one_shape("usual", "match_hr_shape") }}
                        and settled_minutes >= {{ var("match_hr_shape_min_minutes") }}
                        and usual_difference_bpm <= {{ var("match_hr_shape_max_bpm") }}
                    )
                    and (
                        {{ two_hearts("match_hr_contradict") }}
                        or (
                            not has_gripping_hands
                            and {{ two_hearts("match_hr_contradict_no_grip") }}
                        )
                    )
                else
                    overlap_seconds * 1.0 / (seconds + other_seconds - overlap_seconds)
                    >= {{ var("match_clash_min_overlap_over_union") }}
                    and coalesce(
                        abs(average_difference_bpm)
                        >= {{ var("match_hr_contradict_average_bpm") }}
                        or (
                            abs(average_difference_bpm)
                            >= {{ var("match_hr_contradict_both_average_bpm") }}
                            and abs(maximum_difference_bpm)
                            >= {{ var("match_hr_contradict_both_maximum_bpm") }}
                            and sign(average_difference_bpm)
                            = sign(maximum_difference_bpm)
                        ),
                        false
                    )
            end as has_two_bodies,
            coalesce(
                (
                    (
                        shifted_difference_bpm <= {{ var("match_hr_shift_max_bpm") }}
                        and shifted_correlation
                        >= {{ var("match_hr_shift_min_correlation") }}
                    )
                    -- Another device's: one shape, as long and as far.
                    or (
                        {{ one_shape("shifted_usual", "match_hr_shift_shape") }}
                        and shifted_usual_difference_bpm
                        <= {{ var("match_hr_shift_shape_max_bpm") }}
                        and abs(
                            other_started_second - started_second - 60 * shift_minutes
                        )
                        <= {{ var("match_hr_shift_shape_max_off_seconds") }}
                        and abs(seconds - other_seconds)
                        <= {{ var("match_hr_shift_shape_max_seconds") }}
                        and least(distance_quotient, 1 / distance_quotient)
                        >= {{ var("match_hr_shift_shape_min_distance_ratio") }}
                    )
                )
                and shifted_settled_minutes >= {{ var("match_hr_shift_min_minutes") }}
                and shifted_share >= {{ var("match_hr_shift_min_share") }},
                false
            ) as has_shifted_heart_rate,
            -- The same recording to the unit: as long, and as far or with the same
            -- heart rates. Typed-in round numbers prove nothing.
            not has_manual
            and not (
                mod(seconds, {{ var("match_round_seconds") }}) = 0
                and mod(other_seconds, {{ var("match_round_seconds") }}) = 0
            )
            and abs(seconds - other_seconds) <= {{ var("match_equal_max_seconds") }}
            and abs(coalesce(average_difference_bpm, 0))
            <= {{ var("match_equal_max_bpm") }}
            and abs(coalesce(maximum_difference_bpm, 0))
            <= {{ var("match_equal_max_bpm") }}
            and coalesce(least(distance_quotient, 1 / distance_quotient), 1)
            >= {{ var("match_equal_min_distance_ratio") }}
            and (
                distance_quotient is not null or average_difference_bpm is not null
            ) as is_equal_to_the_unit
        from known
    ),

    judged as (
        select
            *,
            shift_minutes is not null
            and sport_fit != 'clash'
            and not is_one_source
            and (
                has_shifted_heart_rate
                or (
                    is_equal_to_the_unit
                    and (
                        has_hidden_start
                        or abs(
                            other_started_second - started_second - 60 * shift_minutes
                        )
                        <= {{ var("match_equal_max_seconds") }}
                    )
                )
            ) as is_shifted_copy,
            -- A heart that agrees at another lag than starts and ends say.
            has_one_body
            and abs(60 * lag_minutes - other_started_second + started_second)
            > {{ var("match_clock_max_lag_off_seconds") }}
            and abs(60 * lag_minutes - other_ended_second + ended_second)
            > {{ var("match_clock_max_lag_off_seconds") }} as has_right_clocks,
            -- The same recording twice at one provider.
            is_one_source
            and not has_manual
            and sport_fit != 'clash'
            and not has_two_bodies
            and (
                (
                    has_one_body
                    and containment >= {{ var("match_part_min_containment_one_body") }}
                )
                or (
                    abs(other_started_second - started_second)
                    <= {{ var("match_equal_max_seconds") }}
                    and is_equal_to_the_unit
                )
            ) as is_uploaded_twice
        from measured
    ),

    related as (
        select
            *,
            case
                when decision = 'force_same'
                then 'same'
                when decision = 'force_different'
                then 'different'
                when has_provenance and overlap_seconds = 0
                then 'shifted_copy'
                when
                    has_provenance
                    and containment >= {{ var("match_part_min_containment") }}
                    and overlap_over_union
                    < {{ var("match_same_min_overlap_over_union") }}
                then 'part_of'
                when has_provenance
                then 'same'
                when is_uploaded_twice
                then 'part_of'
                when is_shifted_copy
                then 'shifted_copy'
                when has_two_bodies or overlap_seconds = 0
                then 'different'
                when
                    is_one_source
                    and sport_fit = 'multisport'
                    and containment >= {{ var("match_part_min_containment") }}
                then 'part_of'
                when is_one_source and has_manual
                then 'different'
                when
                    is_one_source
                    and sport_fit != 'clash'
                    and containment >= {{ var("match_possible_min_containment") }}
                then 'possible'
                when is_one_source
                then 'different'
                when
                    sport_fit != 'clash'
                    and overlap_over_union
                    >= {{ var("match_same_min_overlap_over_union") }}
                then 'same'
                -- A wrong clock: as long, as far, at another time.
                when
                    sport_fit != 'clash'
                    and duration_ratio >= {{ var("match_equal_duration_ratio") }}
                    and containment >= {{ var("match_possible_min_containment") }}
                    and not has_right_clocks
                    and (
                        has_one_body
                        or distance_ratio >= {{ var("match_equal_distance_ratio") }}
                    )
                then 'same'
                -- A word that says nothing, typed in around something short.
                when
                    sport_fit = 'generic'
                    and is_longer_manual
                    and duration_ratio < {{ var("match_manual_min_length_share") }}
                then 'different'
                when
                    sport_fit != 'clash'
                    and containment >= {{ var("match_part_min_containment") }}
                then 'part_of'
                when
                    sport_fit != 'clash'
                    and containment >= {{ var("match_part_min_containment_one_body") }}
                    and (has_one_body or is_one_device or sport_fit = 'same')
                then
                    case
                        when duration_ratio >= {{ var("match_equal_duration_ratio") }}
                        then 'same'
                        else 'part_of'
                    end
                when
                    sport_fit = 'clash'
                    and has_one_body
                    and overlap_over_union
                    >= {{ var("match_clash_min_overlap_over_union") }}
                then 'same'
                -- A sport that was corrected by hand.
                when
                    sport_fit = 'clash'
                    and is_equal_to_the_unit
                    and abs(other_started_second - started_second)
                    <= {{ var("match_equal_max_seconds") }}
                then 'same'
                -- What a band calls the thing that it noticed says little.
                when
                    sport_fit = 'clash'
                    and is_shorter_detected
                    and not has_manual
                    and containment >= {{ var("match_part_min_containment") }}
                then
                    case
                        when
                            overlap_over_union
                            >= {{ var("match_same_min_overlap_over_union") }}
                        then 'same'
                        else 'part_of'
                    end
                when
                    sport_fit = 'clash'
                    and has_detected
                    and has_one_body
                    and overlap_over_union
                    >= {{ var("match_same_min_overlap_over_union") }}
                then 'same'
                when
                    sport_fit = 'clash'
                    and containment >= {{ var("match_part_min_containment") }}
                then 'possible'
                -- One went on while the next began: the clocks are right, or two
                -- sports.
                when
                    has_right_clocks
                    or (sport_fit = 'kin' and not has_detected and not has_manual)
                then 'different'
                when
                    sport_fit != 'clash'
                    and containment >= {{ var("match_possible_min_containment") }}
                then 'possible'
                else 'different'
            end as relation,
            case
                when decision is not null
                then 'override'
                when has_provenance
                then 'provenance'
                when
                    (is_shifted_copy and has_shifted_heart_rate)
                    or has_one_body
                    or has_two_bodies
                then 'heart_rate'
                when
                    is_shifted_copy
                    or is_uploaded_twice
                    or (sport_fit = 'clash' and is_equal_to_the_unit)
                then 'measures'
                else 'overlap'
            end as matched_by
        from judged
    ),

    -- A shifted copy is scored as if its clock were right.
    aligned as (
        select
            *,
            case
                when relation = 'shifted_copy'
                then duration_ratio
                else overlap_over_union
            end as scored_overlap_over_union,
            case
                when relation = 'shifted_copy' then 1.0 else containment
            end as scored_containment,
            case
                when
                    has_one_body
                    or (relation = 'shifted_copy' and has_shifted_heart_rate)
                then 1.0
                when has_two_bodies
                then 0.0
            end as heart_rate_fit,
            case
                when seconds > other_seconds then avg_hr_bpm else other_avg_hr_bpm
            end as longer_avg_hr_bpm,
            case
                when seconds > other_seconds then other_avg_hr_bpm else avg_hr_bpm
            end as shorter_avg_hr_bpm,
            case
                sport_fit
                when 'same'
                then 1.0
                when 'clash'
                then 0.0
                when 'generic'
                then {{ var("match_score_generic_sport") }}
                else {{ var("match_score_kin_sport") }}
            end as sport_score,
            case
                when knows_devices
                then
                    case
                        when is_one_device
                        then 1.0
                        else {{ var("match_score_other_device") }}
                    end
            end as device_fit
        from related
    )

select
    athlete_id,
    record_id,
    other_record_id,
    relation,
    matched_by,
    round(
        {{
            match_score(
                {
                    "overlap_over_union": "scored_overlap_over_union",
                    "containment": "scored_containment",
                    "duration_ratio": "duration_ratio",
                    "distance_ratio": "distance_ratio",
                    "sport": "sport_score",
                    "heart_rate": "heart_rate_fit",
                    "device": "device_fit",
                }
            )
        }},
        4
    ) as match_score,
    round(overlap_over_union, 4) as overlap_over_union,
    round(containment, 4) as containment,
    overlap_seconds,
    other_started_second - started_second as start_difference_seconds,
    other_ended_second - ended_second as end_difference_seconds,
    round(duration_ratio, 4) as duration_ratio,
    round(distance_ratio, 4) as distance_ratio,
    sport_fit,
    sport_fit != 'clash' as has_fitting_sport,
    shared_minutes as shared_heart_rate_minutes,
    lag_minutes as heart_rate_lag_minutes,
    round(difference_bpm, 2) as heart_rate_difference_bpm,
    round(correlation, 3) as heart_rate_correlation,
    shift_minutes,
    shifted_settled_minutes,
    round(shifted_difference_bpm, 2) as shifted_difference_bpm,
    round(shifted_correlation, 3) as shifted_correlation,
    has_one_body,
    coalesce(has_two_bodies, false) as has_two_bodies,
    is_one_device,
    is_one_source,
    has_provenance,
    decision,
    -- Which of the two was left running: much longer, with a heart at rest outside of
    -- the other one. Where GPS says that it went no further, a heart that works less
    -- is enough, or none; one that works on means a clock that stood still.
    case
        when
            duration_ratio * {{ var("match_left_running_min_duration_ratio") }} <= 1
            and not has_detected
            and containment >= {{ var("match_part_min_containment_one_body") }}
            and case
                when not has_gps_twice or distance_quotient is null
                then
                    outside_bpm
                    <= {{ var("match_left_running_max_hr_share") }} * inside_bpm
                else
                    case
                        when seconds > other_seconds
                        then distance_quotient
                        else 1 / distance_quotient
                    end
                    <= {{ var("match_left_running_max_distance_ratio") }}
                    and coalesce(
                        outside_bpm
                        <= {{ var("match_left_running_max_hr_share_no_further") }}
                        * inside_bpm
                        or inside_bpm < {{ var("match_left_running_min_work_bpm") }},
                        -- Without samples the averages say what is left for the rest.
                        longer_avg_hr_bpm * greatest(seconds, other_seconds)
                        - shorter_avg_hr_bpm * least(seconds, other_seconds)
                        <= {{ var("match_left_running_max_hr_share") }}
                        * shorter_avg_hr_bpm
                        * abs(seconds - other_seconds)
                        or shorter_avg_hr_bpm
                        < {{ var("match_left_running_min_work_bpm") }},
                        true
                    )
            end
        then case when seconds > other_seconds then record_id else other_record_id end
    end as left_running_record_id,
    evidence_at,
    {{ var("match_rule_version") }} as rule_version
from aligned
