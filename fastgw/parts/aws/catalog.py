"""What telling services apart takes: which protocol an action is asked in, and under which name requests are signed.

Source: the service models that AWS publishes with its SDKs (endpointPrefix, protocols, targetPrefix, jsonVersion,
apiVersion, signingName); tests/unit/test_aws_catalog.py compares. SQS speaks two protocols; API Gateway's actions of it
are in the older one. Services that are not here have no actions, only paths, and are signed under their own name.
"""

from typing import NamedTuple

QUERY, PATH = "query", "path"


class Entry(NamedTuple):
    """protocol  json-1.0, json-1.1, QUERY, or PATH for a service that has no actions
    target    what stands before the action's name in X-Amz-Target; of QUERY the API's version
    signing   the name that requests are signed under
    """

    protocol: str
    target: str
    signing: str


_TABLE = """
a2i-runtime.sagemaker path - sagemaker
account-access-runtime path - account-access
acm json-1.1 CertificateManager -
acm-pca json-1.1 ACMPrivateCA -
aco-automation json-1.0 ComputeOptimizerAutomationService -
admin.wickr path - wickr
agent-registry-control path - agent-registry
agreement-marketplace json-1.0 AWSMPCommerceService_v20200301 aws-marketplace
airflow-serverless json-1.0 AmazonMWAAServerless -
aoss json-1.0 OpenSearchServerless -
api.detective path - detective
api.ecr json-1.1 AmazonEC2ContainerRegistry_V20150921 ecr
api.ecr-public json-1.1 SpencerFrontendService ecr-public
api.iotdeviceadvisor path - iotdeviceadvisor
api.iotmanagedintegrations path - iotmanagedintegrations
api.iotwireless path - iotwireless
api.mediatailor path - mediatailor
api.pricing json-1.1 AWSPriceListService pricing
api.sagemaker json-1.1 SageMaker sagemaker
api.tunneling.iot json-1.1 IoTSecuredTunneling IoTSecuredTunneling
appconfigdata path - appconfig
application-autoscaling json-1.1 AnyScaleFrontendService -
applicationinsights json-1.1 EC2WindowsBarleyService -
apprunner json-1.0 AppRunner -
appstream2 json-1.1 PhotonAdminProxyService appstream
arc-region-switch json-1.0 ArcRegionSwitch -
athena json-1.1 AmazonAthena -
autoscaling query 2011-01-01 -
autoscaling-plans json-1.1 AnyScaleScalingPlannerFrontendService -
b2bi json-1.0 B2BI -
backup-gateway json-1.0 BackupOnPremises_v20210101 -
bcm-dashboards json-1.0 AWSBCMDashboardsService -
bcm-data-exports json-1.1 AWSBillingAndCostManagementDataExports -
bcm-pricing-calculator json-1.0 AWSBCMPricingCalculator -
bcm-recommended-actions json-1.0 AWSBillingAndCostManagementRecommendedActions -
bedrock-agent path - bedrock
bedrock-agent-runtime path - bedrock
bedrock-agentcore-control path - bedrock-agentcore
bedrock-data-automation path - bedrock
bedrock-data-automation-runtime json-1.1 AmazonBedrockKeystoneRuntimeService bedrock
bedrock-runtime path - bedrock
billing json-1.0 AWSBilling -
budgets json-1.1 AWSBudgetServiceGateway -
cassandra json-1.0 KeyspacesService -
cassandra-streams json-1.0 KeyspacesStreams cassandra
catalog.marketplace path - aws-marketplace
ce json-1.1 AWSInsightsIndexService -
cloud9 json-1.1 AWSCloud9WorkspaceManagementService -
cloudcontrolapi json-1.0 CloudApiService -
cloudformation query 2010-05-15 -
cloudhsm json-1.1 CloudHsmFrontendService -
cloudhsmv2 json-1.1 BaldrApiService cloudhsm
cloudsearch query 2013-01-01 -
cloudsearchdomain path - cloudsearch
cloudtrail json-1.1 com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101 -
cloudwatch-omni path - cloudwatch
codebuild json-1.1 CodeBuild_20161006 -
codecommit json-1.1 CodeCommit_20150413 -
codeconnections json-1.0 com.amazonaws.codeconnections.CodeConnections_20231201 -
codedeploy json-1.1 CodeDeploy_20141006 -
codepipeline json-1.1 CodePipeline_20150709 -
codestar-connections json-1.0 com.amazonaws.codestar.connections.CodeStar_connections_20191201 -
cognito-identity json-1.1 AWSCognitoIdentityService -
cognito-idp json-1.1 AWSCognitoIdentityProviderService -
comprehend json-1.1 Comprehend_20171127 -
comprehendmedical json-1.1 ComprehendMedical_20181030 -
compute-optimizer json-1.0 ComputeOptimizerService -
config json-1.1 StarlingDoveService -
contact-lens path - connect
controlplane.payment-cryptography json-1.0 PaymentCryptographyControlPlane payment-cryptography
cost-optimization-hub json-1.0 CostOptimizationHubService -
cur json-1.1 AWSOrigamiServiceGatewayService -
data-ats.iot path - iotdata
data-signer path - signer
data.jobs.iot path - iot-jobs-data
data.mediastore path - mediastore
data.qapps path - qapps
datapipeline json-1.1 DataPipeline -
dataplane.payment-cryptography path - payment-cryptography
datasync json-1.1 FmrsService -
dax json-1.1 AmazonDAXV3 -
deployment-marketplace path - aws-marketplace
devicefarm json-1.1 DeviceFarm_20150623 -
directconnect json-1.1 OvertureService -
discovery json-1.1 AWSPoseidonService_V2015_11_01 -
discovery-marketplace path - aws-marketplace
dms json-1.1 AmazonDMSv20160101 -
ds json-1.1 DirectoryService_20150416 -
dynamodb json-1.0 DynamoDB_20120810 -
ec2 query 2016-11-15 -
ec2-instance-connect json-1.1 AWSEC2InstanceConnectService -
ecs json-1.1 AmazonEC2ContainerServiceV20141113 -
edge.sagemaker path - sagemaker
elasticache query 2015-02-02 -
elasticbeanstalk query 2010-12-01 -
elasticloadbalancing query 2015-12-01 -
elasticmapreduce json-1.1 ElasticMapReduce -
email query 2010-12-01 ses
entitlement.marketplace json-1.1 AWSMPEntitlementService aws-marketplace
events json-1.1 AWSEvents -
eventsv2 path - events
evs json-1.0 AmazonElasticVMwareService -
featurestore-runtime.sagemaker path - sagemaker
firehose json-1.1 Firehose_20150804 -
fms json-1.1 AWSFMS_20180101 -
forecast json-1.1 AmazonForecast -
forecastquery json-1.1 AmazonForecastRuntime forecast
frauddetector json-1.1 AWSHawksNestServiceFacade -
freetier json-1.0 AWSFreeTierService -
fsx json-1.1 AWSSimbaAPIService_v20180301 -
gamelift json-1.1 GameLift -
globalaccelerator json-1.1 GlobalAccelerator_V20180706 -
glue json-1.1 AWSGlue -
health json-1.1 AWSHealth_20160804 -
healthlake json-1.0 HealthLake -
iam query 2010-05-08 -
iam-toolbox path - iam
identity-chime path - chime
identitystore json-1.1 AWSIdentityStore -
importexport query 2010-06-01 -
inferencerouter-runtime.sagemaker path - sagemaker
ingest.timestream json-1.0 Timestream_20181101 timestream
inspector json-1.1 InspectorService -
interconnect json-1.0 Interconnect -
invoicing json-1.0 Invoicing -
iotfleetwise json-1.0 IoTAutobahnControlPlane -
iotthingsgraph json-1.1 IotThingsGraphFrontEndService -
ivsrealtime path - ivs
job-runtime.sagemaker path - sagemaker
kendra json-1.1 AWSKendraFrontendService -
kendra-ranking json-1.0 AWSKendraRerankingFrontendService -
kinesis json-1.1 Kinesis_20131202 -
kinesisanalytics json-1.1 KinesisAnalytics_20180523 -
kms json-1.1 TrentService -
license-manager json-1.1 AWSLicenseManager -
lightsail json-1.1 Lightsail_20161128 -
logs json-1.1 Logs_20140328 -
lookoutequipment json-1.0 AWSLookoutEquipmentFrontendService -
machinelearning json-1.1 AmazonML_20141212 -
mail-manager json-1.0 MailManagerSvc ses
marketplacecommerceanalytics json-1.1 MarketplaceCommerceAnalytics20150701 -
media-pipelines-chime path - chime
mediastore json-1.1 MediaStore_20170901 -
meetings-chime path - chime
memory-db json-1.1 AmazonMemoryDB memorydb
messaging-chime path - chime
metering.marketplace json-1.1 AWSMPMeteringService aws-marketplace
metrics.sagemaker path - sagemaker
mgh json-1.1 AWSMigrationHub -
migrationhub-config json-1.1 AWSMigrationHubMultiAccountService mgh
models-v2-lex path - lex
models.lex path - lex
monitoring query 2010-08-01 -
mturk-requester json-1.1 MTurkRequesterServiceV20170117 -
network-firewall json-1.0 NetworkFirewall_20201112 -
odb json-1.0 Odb -
oidc path - sso-oauth
organizations json-1.1 AWSOrganizationsV20161128 -
osm json-1.0 OpenSearchMemory -
participant.connect path - execute-api
partnercentral-account json-1.0 PartnerCentralAccount -
partnercentral-benefits json-1.0 PartnerCentralBenefitsService -
partnercentral-channel json-1.0 PartnerCentralChannel -
partnercentral-prm path - partnercentral
partnercentral-selling json-1.0 AWSPartnerCentralSelling -
pcs json-1.0 AWSParallelComputingService -
personalize json-1.1 AmazonPersonalize -
personalize-events path - personalize
personalize-runtime path - personalize
pi json-1.1 PerformanceInsightsv20180227 -
pinpoint path - mobiletargeting
portal.sso path - awsssoportal
proton json-1.0 AwsProton20200720 -
query.timestream json-1.0 Timestream_20181101 timestream
rds query 2014-10-31 -
redshift query 2012-12-01 -
redshift-data json-1.1 RedshiftData -
redshift-serverless json-1.1 RedshiftServerless -
rekognition json-1.1 RekognitionService -
reporting-marketplace path - aws-marketplace
route53-recovery-cluster json-1.0 ToggleCustomerAPI -
route53domains json-1.1 Route53Domains_v20140515 -
route53resolver json-1.1 Route53Resolver -
runtime-v2-lex path - lex
runtime.lex path - lex
runtime.sagemaker path - sagemaker
s3-control path - s3
sdb query 2009-04-15 -
secretsmanager json-1.1 secretsmanager -
servicecatalog json-1.1 AWS242ServiceCatalogService -
servicecatalog-appregistry path - servicecatalog
servicediscovery json-1.1 Route53AutoNaming_v20170314 -
servicequotas json-1.1 ServiceQuotasV20190624 -
shield json-1.1 AWSShield_20160616 -
sms-voice json-1.0 PinpointSMSVoiceV2 -
sms-voice.pinpoint path - sms-voice
snowball json-1.1 AWSIESnowballJobManagementService -
sns query 2010-03-31 -
sqs query 2012-11-05 -
ssm json-1.1 AmazonSSM -
ssm-contacts json-1.1 SSMContacts -
sso json-1.1 SWBExternalService -
states json-1.0 AWSStepFunctions -
storagegateway json-1.1 StorageGateway_20130630 -
streams.dynamodb json-1.0 DynamoDBStreams_20120810 dynamodb
sts query 2011-06-15 -
support json-1.1 AWSSupport_20130415 -
swf json-1.0 SimpleWorkflowService -
tagging json-1.1 ResourceGroupsTaggingAPI_20170126 -
textract json-1.1 Textract -
timestream-influxdb json-1.0 AmazonTimestreamInfluxDB -
training-session-runtime.sagemaker path - sagemaker
transcribe json-1.1 Transcribe -
transfer json-1.1 TransferService -
translate json-1.1 AWSShineFrontendService_20170701 -
verifiedpermissions json-1.0 VerifiedPermissions -
voice-chime path - chime
voiceid json-1.0 VoiceID -
waf json-1.1 AWSWAF_20150824 -
waf-regional json-1.1 AWSWAF_Regional_20161128 -
wafv2 json-1.1 AWSWAF_20190729 -
workmail json-1.1 WorkMailService -
workspaces json-1.1 WorkspacesService -
workspaces-instances json-1.0 EUCMIFrontendAPIService -
"""


def _entry(line: str) -> tuple[str, Entry]:
    name, protocol, target, signing = line.split()
    return name, Entry(protocol, target, name if signing == "-" else signing)


CATALOG = dict(_entry(line) for line in _TABLE.strip().splitlines())
