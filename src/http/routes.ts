/** Every route under `/v1`, in the order in which the reference shows them. A route that is not here does not exist. */
import type { Route } from './route.ts'
import { createAnswer } from './routes/answers-create.ts'
import { listAudit } from './routes/audit-list.ts'
import { verifyAudit } from './routes/audit-verify.ts'
import { createCollectionRoute } from './routes/collections-create.ts'
import { deleteCollection } from './routes/collections-delete.ts'
import { getCollection } from './routes/collections-get.ts'
import { listCollections } from './routes/collections-list.ts'
import { updateCollection } from './routes/collections-update.ts'
import { deleteDocumentRoute } from './routes/documents-delete.ts'
import { deleteDocumentsRoute } from './routes/documents-delete-many.ts'
import { getDocument } from './routes/documents-get.ts'
import { listDocumentsRoute } from './routes/documents-list.ts'
import { patchDocumentRoute } from './routes/documents-patch.ts'
import { putDocumentsRoute } from './routes/documents-put.ts'
import { uploadFilesRoute } from './routes/files-upload.ts'
import { cancelJobRoute } from './routes/jobs-cancel.ts'
import { jobEventsRoute } from './routes/jobs-events.ts'
import { createEmbeddings } from './routes/embeddings-create.ts'
import { listJobFilesRoute } from './routes/jobs-files.ts'
import { getJobRoute } from './routes/jobs-get.ts'
import { listJobsRoute } from './routes/jobs-list.ts'
import { retryJobRoute } from './routes/jobs-retry.ts'
import { createKey } from './routes/keys-create.ts'
import { deleteKey } from './routes/keys-delete.ts'
import { getKey } from './routes/keys-get.ts'
import { listKeys } from './routes/keys-list.ts'
import { getOwnKey } from './routes/keys-self.ts'
import { rotateKey } from './routes/keys-rotate.ts'
import { updateKey } from './routes/keys-update.ts'
import { createModel } from './routes/models-create.ts'
import { deleteModel } from './routes/models-delete.ts'
import { getModel } from './routes/models-get.ts'
import { importModel } from './routes/models-import.ts'
import { listModels } from './routes/models-list.ts'
import { trainModel } from './routes/models-train.ts'
import { updateModel } from './routes/models-update.ts'
import { createRerank } from './routes/rerank-create.ts'
import { searchCollection } from './routes/search-collection.ts'
import { searchCollections } from './routes/search-collections.ts'
import { createSource } from './routes/sources-create.ts'
import { crawl } from './routes/sources-crawl.ts'
import { deleteSource } from './routes/sources-delete.ts'
import { getSource } from './routes/sources-get.ts'
import { listSources } from './routes/sources-list.ts'
import { runSource } from './routes/sources-run.ts'
import { createTenant } from './routes/tenants-create.ts'
import { deleteTenant } from './routes/tenants-delete.ts'
import { exportTenantRoute } from './routes/tenants-export.ts'
import { getTenant } from './routes/tenants-get.ts'
import { importTenantRoute } from './routes/tenants-import.ts'
import { listTenants } from './routes/tenants-list.ts'
import { createToken } from './routes/tokens-create.ts'
import { getReceipt } from './routes/tenants-receipt.ts'
import { updateTenant } from './routes/tenants-update.ts'
import { getUsage } from './routes/usage-get.ts'
import { createWebhook } from './routes/webhooks-create.ts'
import { deleteWebhook } from './routes/webhooks-delete.ts'
import { listWebhookDeliveries } from './routes/webhooks-deliveries.ts'
import { getWebhook } from './routes/webhooks-get.ts'
import { listWebhooks } from './routes/webhooks-list.ts'
import { redeliverWebhook } from './routes/webhooks-redeliver.ts'
import { rotateWebhook } from './routes/webhooks-rotate.ts'
import { testWebhook } from './routes/webhooks-test.ts'
import { updateWebhook } from './routes/webhooks-update.ts'

/** Fixed segments stand before parameters of the same place: the first match answers. */
export const ROUTES: readonly Route[] = [
  searchCollection,
  searchCollections,
  createAnswer,
  createEmbeddings,
  createRerank,
  putDocumentsRoute,
  deleteDocumentsRoute,
  listDocumentsRoute,
  getDocument,
  patchDocumentRoute,
  deleteDocumentRoute,
  uploadFilesRoute,
  createCollectionRoute,
  listCollections,
  getCollection,
  updateCollection,
  deleteCollection,
  crawl,
  createSource,
  listSources,
  getSource,
  deleteSource,
  runSource,
  listJobsRoute,
  getJobRoute,
  listJobFilesRoute,
  jobEventsRoute,
  cancelJobRoute,
  retryJobRoute,
  createModel,
  importModel,
  trainModel,
  listModels,
  getModel,
  updateModel,
  deleteModel,
  createKey,
  listKeys,
  getOwnKey,
  getKey,
  updateKey,
  deleteKey,
  rotateKey,
  createToken,
  getUsage,
  listAudit,
  verifyAudit,
  createWebhook,
  listWebhooks,
  getWebhook,
  updateWebhook,
  deleteWebhook,
  rotateWebhook,
  testWebhook,
  listWebhookDeliveries,
  redeliverWebhook,
  createTenant,
  listTenants,
  getTenant,
  updateTenant,
  deleteTenant,
  getReceipt,
  exportTenantRoute,
  importTenantRoute,
]
