"""What a point-in-time restore needs of DynamoDB and moto lacks; moto_server.py takes it in.

A restore keeps its time, takes its overrides and leaves behind what the service leaves behind; a table that is recoverable
has been so for 35 days, up to five minutes ago. Its items are those of now, whatever the time. Tables keep their class and
on-demand maximum; Contributor Insights and Kinesis destinations are kept and do nothing.
"""

import datetime

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb.models import table as tables
from moto.dynamodb.responses import DynamoHandler, DynamoResult

DAYS = 35
BEHIND = datetime.timedelta(minutes=5)

describe = tables.Table.describe
create_table = DynamoHandler.create_table
update_table = DynamoHandler.update_table
describe_continuous_backups = DynamoHandler.describe_continuous_backups


def refuse(code, message):
    raise JsonRESTError(f"com.amazonaws.dynamodb.v20120810#{code}", message)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def more(table):
    """What a table has beside all that moto knows of it."""
    return table.__dict__.setdefault("more", {"insights": {}, "destinations": {}, "indexes": {}})


def describe_more(table, base_key="TableDescription"):
    result = describe(table, base_key)
    shown, extra = result[base_key], more(table)
    if extra.get("class"):
        shown["TableClassSummary"] = {"TableClass": extra["class"]}
    if extra.get("most"):
        shown["OnDemandThroughput"] = extra["most"]
    for index in shown["GlobalSecondaryIndexes"]:
        if index["IndexName"] in extra["indexes"]:
            index["OnDemandThroughput"] = extra["indexes"][index["IndexName"]]
    return result


def keep_more(handler):
    extra, body = more(handler.dynamodb_backend.get_table(handler.body["TableName"])), handler.body
    if "TableClass" in body:
        extra["class"] = body["TableClass"]
    if "OnDemandThroughput" in body:
        extra["most"] = body["OnDemandThroughput"]
    for index in body.get("GlobalSecondaryIndexes") or []:
        if "OnDemandThroughput" in index:
            extra["indexes"][index["IndexName"]] = index["OnDemandThroughput"]
    for update in body.get("GlobalSecondaryIndexUpdates") or []:
        if "OnDemandThroughput" in update.get("Update", {}):
            extra["indexes"][update["Update"]["IndexName"]] = update["Update"]["OnDemandThroughput"]


def with_more(operation):
    def answer(handler):
        operation(handler)
        keep_more(handler)
        return DynamoResult(handler.dynamodb_backend.get_table(handler.body["TableName"]).describe())

    return answer


def window(recovery):
    latest = now() - BEHIND
    return latest - datetime.timedelta(days=recovery.get("RecoveryPeriodInDays", DAYS)), latest


def recoverable(handler):
    result = describe_continuous_backups(handler)
    found = handler.dynamodb_backend.describe_continuous_backups(handler.body["TableName"])
    recovery = found["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] == "ENABLED":
        recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"] = window(recovery)
    return result


def restore(handler):
    body, backend = handler.body, handler.dynamodb_backend
    source_name = body.get("SourceTableName") or body["SourceTableArn"].rsplit("/", 1)[-1]
    at = body.get("RestoreDateTime")
    if (at is None) != bool(body.get("UseLatestRestorableTime")):
        refuse("ValidationException", "give RestoreDateTime or UseLatestRestorableTime")
    source = backend.tables.get(source_name)
    if source:
        recovery = source.continuous_backups["PointInTimeRecoveryDescription"]
        if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
            refuse("PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{source_name}'")
        earliest, latest = window(recovery)
        at = at or latest
        at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
        if not earliest <= at <= latest:
            refuse("InvalidRestoreTimeException", "it is outside of the window")
    table = backend.restore_table_to_point_in_time(body["TargetTableName"], source_name)
    table.restore_date_time = at
    table.billing_mode = body.get("BillingModeOverride") or source.billing_mode
    table.throughput = body.get("ProvisionedThroughputOverride") or table.throughput
    table.throughput.setdefault("NumberOfDecreasesToday", 0)
    table.sse_specification = source.sse_specification
    if body.get("SSESpecificationOverride"):
        table.sse_specification = body["SSESpecificationOverride"]
        if table.sse_specification.get("Enabled"):
            table.sse_specification.setdefault("KMSMasterKeyId", f"arn:aws:kms:us-east-1:{table.account_id}:alias/aws/dynamodb")
    if "GlobalSecondaryIndexOverride" in body:
        wanted = {index["IndexName"]: index for index in body["GlobalSecondaryIndexOverride"]}
        table.global_indexes = [index for index in table.global_indexes if index.name in wanted]
        for index in table.global_indexes:
            index.throughput = wanted[index.name].get("ProvisionedThroughput", index.throughput)
    if "LocalSecondaryIndexOverride" in body:
        wanted = {index["IndexName"] for index in body["LocalSecondaryIndexOverride"]}
        table.indexes = [index for index in table.indexes if index.name in wanted]
    return DynamoResult(table.describe())


def table_of(handler):
    table = handler.dynamodb_backend.tables.get(handler.body["TableName"].rsplit("/", 1)[-1])
    return table or refuse("ResourceNotFoundException", "Requested resource not found")


def describe_contributor_insights(handler):
    name, index = handler.body["TableName"], handler.body.get("IndexName")
    found = more(table_of(handler))["insights"].get(index)
    shown = {"ContributorInsightsStatus": "ENABLED" if found else "DISABLED", "ContributorInsightsMode": found}
    return ActionResult({"TableName": name, "IndexName": index, **shown})


def update_contributor_insights(handler):
    body = handler.body
    on = body["ContributorInsightsAction"] == "ENABLE"
    mode = body.get("ContributorInsightsMode") or "ACCESSED_AND_THROTTLED_KEYS"
    more(table_of(handler))["insights"][body.get("IndexName")] = mode if on else None
    status = "ENABLING" if on else "DISABLING"
    return ActionResult({"TableName": body["TableName"], "IndexName": body.get("IndexName"), "ContributorInsightsStatus": status})


def describe_kinesis_streaming_destination(handler):
    found = more(table_of(handler))["destinations"]
    shown = [
        {"StreamArn": arn, "DestinationStatus": "ACTIVE", "ApproximateCreationDateTimePrecision": precision}
        for arn, precision in found.items()
    ]
    return ActionResult({"TableName": handler.body["TableName"], "KinesisDataStreamDestinations": shown})


def enable_kinesis_streaming_destination(handler):
    body = handler.body
    found = more(table_of(handler))["destinations"]
    if body["StreamArn"] in found:
        refuse("ResourceInUseException", "it is a destination of this table already")
    configuration = body.get("EnableKinesisStreamingConfiguration") or {}
    found[body["StreamArn"]] = configuration.get("ApproximateCreationDateTimePrecision", "MILLISECOND")
    shown = {"TableName": body["TableName"], "StreamArn": body["StreamArn"], "DestinationStatus": "ENABLING"}
    return ActionResult({**shown, "EnableKinesisStreamingConfiguration": body.get("EnableKinesisStreamingConfiguration")})


def update_kinesis_streaming_destination(handler):
    body = handler.body
    precision = body["UpdateKinesisStreamingConfiguration"]["ApproximateCreationDateTimePrecision"]
    found = more(table_of(handler))["destinations"]
    if found.get(body["StreamArn"]) in (None, precision):
        refuse("ValidationException", "it is no destination of this table, or has this precision already")
    found[body["StreamArn"]] = precision
    return ActionResult({"TableName": body["TableName"], "StreamArn": body["StreamArn"], "DestinationStatus": "UPDATING"})


tables.Table.describe = describe_more
DynamoHandler.create_table = with_more(create_table)
DynamoHandler.update_table = with_more(update_table)
DynamoHandler.describe_continuous_backups = recoverable
DynamoHandler.restore_table_to_point_in_time = restore
for operation in [
    describe_contributor_insights,
    update_contributor_insights,
    describe_kinesis_streaming_destination,
    enable_kinesis_streaming_destination,
    update_kinesis_streaming_destination,
]:
    setattr(DynamoHandler, operation.__name__, operation)
