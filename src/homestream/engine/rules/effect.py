"""What is owed because a rule fired: notifications, commands, a mode, webhooks."""

from homestream.engine.alert import notify, overdue
from homestream.engine.fact import Alert, Command, Mode, Webhook
from homestream.engine.operator import Context
from homestream.engine.rules.action import Enter, Order, Post, devices
from homestream.engine.rules.ruleset import Rule

#: A command of a rule that the device has not confirmed by then has failed.
EXPIRY_MS = 10_000

#: The operator all timers of rules belong to, and its timer for the mode that a rule has set: rules judge by
#: it a little later. Two that set it against each other do so once a second, until they are found flapping.
OPERATOR, MODE_TIMER, MODE_MS = "rules", "\1", 1_000


def carry_out(ctx: Context, rule: Rule, alert: Alert) -> None:
    """Owe all that the rule does; where the time to act has passed, say so instead. What flaps only tells."""
    notify(ctx, alert, rule.tell, rule.act_within, rule.quiet)
    if alert.flapping:
        return
    late = overdue(ctx, alert, rule.act_within)
    place = 0
    for action in rule.actions:
        match action:
            case Order():
                _order(ctx, alert, f"{alert.id}-{place}", action, late=late)
                place += 1
            case Post(hook):
                _post(ctx, alert, hook, rule.act_within, late=late)
            case Enter(mode) if not late and mode != ctx.mode:
                ctx.emit(Mode(home=ctx.home, time=ctx.now, mode=mode, by=f"rule {rule.name}"))
                ctx.at(ctx.now + MODE_MS, OPERATOR, MODE_TIMER)  # own facts are not heard


def _order(ctx: Context, alert: Alert, name: str, order: Order, *, late: bool) -> None:
    group = order.device if order.device in ctx.config.group else ""
    for number, device in enumerate(devices(order, ctx.config)):
        ctx.emit(
            Command(
                home=ctx.home,
                time=ctx.now,
                id=f"{name}.{number}" if group else name,
                device=device,
                metric=order.metric,
                value=order.value,
                state="expired" if late else "pending",
                by=f"rule {alert.rule}",
                expires=ctx.now + EXPIRY_MS,
                requested=ctx.now,
                group=group,
            )
        )


def _post(ctx: Context, alert: Alert, hook: str, act_within: int, *, late: bool) -> None:
    ctx.emit(
        Webhook(
            home=ctx.home,
            time=alert.time,
            id=f"{alert.id}@{hook}",
            hook=hook,
            alert=alert.id,
            rule=alert.rule,
            key=alert.key,
            severity=alert.severity,
            text=alert.text,
            evidence=alert.evidence,
            act_within=act_within,
            suppressed=late,
        )
    )
